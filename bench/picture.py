"""Draws docs/demo.svg: the demonstration as it looks in a terminal."""

import asyncio
import io
from pathlib import Path

from rich.console import Console

from bot.demo import play

PICTURE = Path("docs/demo.svg")


def main() -> None:
    """Play the demonstration once and keep what it printed as a picture."""
    console = Console(record=True, width=96, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    asyncio.run(play(port=0, once=True, console=console))
    PICTURE.parent.mkdir(exist_ok=True)
    # The picture must not fetch a font from anywhere.
    PICTURE.write_text(_without_fonts(console.export_svg(title="make demo")), encoding="utf-8")


def _without_fonts(svg: str) -> str:
    parts = svg.split("@font-face {")
    return parts[0] + "".join(part.split("}", 1)[1] for part in parts[1:])


if __name__ == "__main__":
    main()
