# Everything Elchi says in English.

welcome =
    Hello! I am Elchi: I bring the news here as soon as the site publishes it.

    /latest — the latest news
    /language — language · Язык
    /unsubscribe — stop the news
    /help — everything I can do
subscribed = Done: the news will come here as soon as it is out.
subscribed-already = You are subscribed already: the news comes here as soon as it is out.
unsubscribed = Done: no more news. You can come back at any time: /subscribe
unsubscribed-already = The news does not come here. To subscribe: /subscribe
latest-empty = No news yet: the first article the site publishes will appear here.
language-ask = Which language shall we speak?
language-set = All right, English it is.
help =
    <b>What I can do</b>

    /subscribe — bring the news here
    /unsubscribe — stop the news
    /latest — the latest news
    /language — language · Язык
    /channels — the news in your channel or group
not-understood = I understand commands. The list: /help
channels-empty = You have no connected channels or groups yet.
channels-title = <b>Your channels and groups</b>
channels-line-works = ✅ { $title } — the news arrives
channels-line-off = ⚠️ { $title } — { $why }
channels-more = …and { $count } more: one message holds no more.
channels-not-all-asked = There are more channels and groups than I look through at once. If yours is missing here, remove me from it and add me again.
channels-how = To connect: add me as an administrator who may post messages.
button-add-channel = Connect a channel
button-add-group = Connect a group
button-read = Read
button-comments = Comments
off-no-rights = no right to post: grant it in the administrators' settings
off-not-admin = I was not added by an administrator who may post: ask one to add me
off-kicked = I was removed: add me again
off-linked = a group of a connected channel: the news goes to the channel
off-other = the news has stopped: remove me and add me again
chat-connected = “{ $title }” is connected: the next news will appear there too.
chat-off = No more news in “{ $title }”: { $why ->
        [no-rights] the bot has no right to post
        [kicked] the bot was removed
        [deleted] the chat was deleted
       *[other] Telegram takes no messages
    }. Details: /channels
chat-no-rights = I may not post in “{ $title }”. Give me the right to post messages, and the news will flow.
chat-not-admin = Only an administrator who may post can bring the news to “{ $title }”. Ask one to add me.
pause-on = ⏸ Posting is on hold. Nothing is lost: /resume goes on where it was.
pause-already = ⏸ Posting is on hold already. To go on: /resume
resume-on = ▶️ Posting goes on where it was.
resume-already = ▶️ Posting is not on hold.
editors-only = This command is for the editors.
alarm-feed-failing = ⚠️ The feed { $url } cannot be read: { $reason }. I keep trying and will tell you when it works.
alarm-feed-back = ✅ The feed { $url } can be read again.
alarm-chat-off = ⚠️ Nothing is posted in “{ $title }” any more: { $why ->
        [no-rights] the bot has no right to post
        [kicked] the bot was removed
        [deleted] the chat was deleted
       *[other] Telegram takes no messages
    }. Check the bot's rights; details: /channels
alarm-conflict = ⚠️ Somebody else uses this bot's token. Stop the other program, or change the token at @BotFather.
alarm-put-aside = ⚠️ One update ({ $kind }) could not be handled ({ $why }). It is put aside; the others go on.
alarm-put-aside-many = ⚠️ { $count } updates could not be handled (the last: { $kind }, { $why }). They are put aside; the others go on.
storm-held = ⚠️ The feed { $url } brought { $count } “new” articles of days long past: the site seems to have given its archive new dates or ids. Post them?
storm-posted = They are posted.
storm-dropped = They are not posted.
storm-decided-before = This has been decided.
button-storm-post = Post them
button-storm-drop = Do not post
command-subscribe = bring the news here
command-unsubscribe = stop the news
command-latest = the latest news
command-language = language
command-channels = my channels and groups
command-help = what I can do
command-pause = hold all posting
command-resume = go on posting
