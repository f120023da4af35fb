"""
The output of C{/help}.
"""

HELP = (
    "/join ROOM [KEY]  join a room, or switch to it",
    "/list [PREFIX]    list the public rooms whose names begin so",
    "/search WORDS     find the stored messages of this room with all of these words",
    "/more             show the next page of /list or /search",
    "/leave            leave this room",
    "/who              list the members",
    "/history N        show N older messages; 50 if you omit N; again for still older ones",
    "/reply N TEXT     answer the message with the number N",
    "/edit [N] TEXT    replace the text of a message; your last one if you omit N",
    "/redact N [WHY]   remove the content of a message",
    "/react N EMOJI    add a reaction to a message; /unreact N EMOJI removes it",
    "/msg NAME [TEXT]  send a direct message; without TEXT, switch to the conversation",
    "/block NAME       refuse direct messages of a user; /unblock NAME accepts them again",
    "/topic [TEXT]     show the topic, or set it; /topic - removes it",
    "/times on|off     show the time of each message; also /numbers, /bell and /typing",
    "PageUp            scroll back, also to older messages; q returns",
    "Alt+Enter         begin another line of the same message",
    "/quit             quit",
    "//...             send a line that begins with a slash; pasted text is never a command",
    "for moderators: /kick NAME [REASON], /mute NAME [MINUTES] [REASON],",
    "/ban NAME [MINUTES] [REASON], /unmute NAME, /unban NAME, /bans,",
    "/lock [REASON], /unlock, /key KEY, /key -, /listed on|off",
)
