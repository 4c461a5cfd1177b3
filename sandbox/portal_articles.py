"""The stories of the sample site: how one is kept, and twelve invented ones ready to be published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sandbox.pictures import Picture, landscape


@dataclass(slots=True)
class Article:
    """One story on the site; `page_status` is what its page answers (404 or 410 once it is gone)."""

    id: int
    title: str
    lead: str
    link: str | None
    guid: str | None
    category: str | None
    published: float
    changed: float
    withdrawn: bool = False
    section: str | None = None
    picture: Picture | None = None
    paragraphs: tuple[str, ...] = ()
    graphic: bool = False
    page_status: int = 200

    @property
    def body(self) -> tuple[str, ...]:
        """The paragraphs of the article page; the lead is the first."""
        return tuple(each for each in (self.lead, *self.paragraphs) if each)

    @property
    def picture_path(self) -> str:
        return f"/pictures/{self.id}.{self.picture.extension}" if self.picture else ""


@dataclass(frozen=True, slots=True)
class Sample:
    """An invented story, ready to be published."""

    title: str
    lead: str
    category: str
    section: str = "Кыргызстан"
    more: str = ""

    @property
    def picture(self) -> Picture:
        """Its own landscape: every third one is a PNG."""
        number = SAMPLE_ARTICLES.index(self)
        return landscape(number, kind="png" if number % 3 == 2 else "jpeg")


SAMPLE_ARTICLES: Final = (
    Sample("В Каракольской долине открыли школу юных садоводов",
           "Тридцать учеников посадили первые яблони старых местных сортов.", "Общество",
           more="Саженцы вырастили в питомнике по соседству, а поливать их будут по очереди до первых заморозков."),
    Sample("Поезд «Степной экспресс» пойдёт по новому расписанию",
           "Вечерний рейс отправится на сорок минут раньше, утренний останется прежним.", "Транспорт",
           "Казахстан", "Билеты, купленные раньше, менять не нужно: места в вагонах сохраняются."),
    Sample("Мастера войлока соткали ковёр длиной двадцать метров",
           "Узор собрали из рисунков жителей восьми аилов.", "Культура",
           more="Ковёр повесят в новом доме культуры, когда в нём высохнет штукатурка."),
    Sample("На высокогорном озере насчитали тысячу краснозобых казарок",
           "Орнитологи связывают рост стаи с тёплой осенью и тишиной на берегах.", "Природа",
           "Таджикистан", "Следующий учёт назначен на весну, к нему готовят ещё две наблюдательные вышки."),
    Sample("Пекари квартала испекли самую большую лепёшку сезона",
           "Её диаметр — два метра, а угощали ею всех прохожих.", "Общество",
           "Узбекистан", "Тесто замешивали с ночи, тандыр сложили прямо на площади."),
    Sample("Библиотека-юрта отправилась по дальним пастбищам",
           "В кибитке четыреста книг на трёх языках и чай для читателей.", "Культура",
           more="За лето она объедет девять джайлоо и вернётся к началу учебного года."),
    Sample("Студенты собрали метеостанцию из старых телефонов",
           "Она уже предсказала дождь, который не заметили большие приборы.", "Наука",
           "Казахстан", "Чертежи выложены в открытый доступ, повторить станцию можно за выходные."),
    Sample("Урожай хлопка в пойме убрали на неделю раньше",
           "Помогла сухая погода и общий график работы комбайнов.", "Экономика",
           "Узбекистан", "Освободившиеся машины передали соседним хозяйствам."),
    Sample("Сборная двора выиграла кубок по кок-бору на осликах",
           "Шуточный турнир собрал двенадцать команд и один оркестр.", "Спорт",
           more="Главный приз, мешок моркови, победители отдали своим скакунам."),
    Sample("Новый арык напоил парк на окраине",
           "Воду пустили самотёком: насосы не понадобились.", "Общество",
           "Туркменистан", "Вдоль русла высадили сорок карагачей и поставили скамейки."),
    Sample("Ночной базар ремёсел продлили до первого снега",
           "Торговые ряды будут работать по пятницам и субботам до полуночи.", "Экономика",
           more="Новичкам первое место дают бесплатно, а чай наливают всем."),
    Sample("Астрономы-любители показали детям кольца Сатурна",
           "На плато поставили шесть телескопов, очередь не кончалась до утра.", "Наука",
           "Таджикистан", "В следующий раз обещают показать туманность Ориона."),
)  # fmt: skip
