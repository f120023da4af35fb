// @ts-check
/**
 * The English texts of the page. A text may contain placeholders, `{name}`. A text with plural forms is an
 * object: `Intl.PluralRules` selects the form by the value `count`.
 *
 * @module
 */

export const ENGLISH = {
  "app.name": "MaChat",
  "app.noScript": "This page needs JavaScript.",
  "app.skip": "Skip to the message field",
  "app.title": "{room} – MaChat",

  "signin.name": "Your name",
  "signin.room": "Room",
  "signin.password": "Password",
  "signin.login": "Log in",
  "signin.join": "Join",
  "signin.again": "Sign in again",
  "signin.submit": "Sign in",
  "signin.needsPassword": "A password is needed.",
  "signin.noAnswer": "The server does not respond.",

  "rooms.title": "Rooms",
  "rooms.join": "Join a room",
  "rooms.unread": { one: "{count} unread message", other: "{count} unread messages" },
  "rooms.more": { one: "Show {count} more unread room", other: "Show {count} more unread rooms" },
  "rooms.wait": "No connection. You will join when it is back.",

  "room.locked": "locked",
  "room.leave": "Leave",
  "room.joinAgain": "Join again",
  "room.messages": "Messages in {room}",
  "room.lost": "Some messages were lost: the server no longer has them.",
  "room.removed": "You were removed.",
  "room.removedFor": "You were removed: {reason}",
  "room.latest": "To the latest",
  "room.below": { one: "{count} new message", other: "{count} new messages" },

  "topic.whole": "Show the whole topic",
  "topic.less": "Show less of the topic",

  "members.title": "Members",
  "members.here": "{count} here",
  "members.more": "and {count} more",
  "members.you": " (you)",

  "composer.label": "Message to {room}",
  "composer.send": "Send",
  "composer.tooMany": "Too many messages are waiting to be sent.",
  "composer.tooManyLines": "You can send at most {most} lines at once. This text has {count}.",

  "message.new": "New",
  "message.server": "The server: ",
  "message.from": "{name}: ",
  "message.less": "Show less",
  "message.all": { one: "Show all {count} character", other: "Show all {count} characters" },
  "message.sending": "(being sent)",
  "message.notSent": "Not sent: {reason} ",
  "message.perhapsSent": "Perhaps sent: {reason} ",
  "message.again": "Send again",
  "message.edit": "Edit",
  "message.remove": "Remove",
  "message.lost": "the server has lost it",
  "message.mayMiss": "Messages may be missing here: the server could not recover them",
  "message.missing": {
    one: "{count} message could not be recovered",
    other: "{count} messages could not be recovered",
  },

  "history.begins": "The stored history begins here",
  "history.again": "Try again",
  "history.failed": "not loaded: {reason}",
  "history.late": "the server does not answer",
  "history.changed": "the room has changed in the meantime",
  "history.offline": "there is no connection",
  "history.older": "Load older messages",
  "history.newer": "Load newer messages",
  "history.loadingOlder": "Loading older messages…",
  "history.loadingNewer": "Loading newer messages…",
  "history.loadedOlder": {
    one: "{count} older message loaded. ",
    other: "{count} older messages loaded. ",
  },
  "history.loadedNewer": {
    one: "{count} newer message loaded. ",
    other: "{count} newer messages loaded. ",
  },
  "history.failedOlder": "older messages could not be loaded: {reason}",
  "history.failedNewer": "newer messages could not be loaded: {reason}",

  "dialog.cancel": "Cancel",

  "connection.connecting": "Connecting",
  "connection.progress": "Connecting…",
  "connection.online": "Online",
  "connection.waiting": "Offline",
  "connection.ended": "Ended",
  "connection.lost": "The connection is lost.",
  "connection.kept": "{reason} Your messages are kept.",
  "connection.again": "Connect again",
  "connection.now": "Try now",
  "connection.countdown": "Trying again in {seconds} s.",
  "connection.over": "The server has ended the connection: {reason}.",

  "close.1000": "You have left.",
  "close.3001": "The server is restarting.",
  "close.3002": "The server waited too long for this page.",
  "close.3003": "Too many connections come from your network.",
  "close.3004": "Too many failed logins come from your network.",
  "close.3005": "Your login has expired.",
  "close.3006": "Something went wrong at the server.",
  "close.3008": "This connection was too slow.",
  "close.3010": "The server lost track of your name.",
  "close.3011": "An earlier connection still has your name.",
  "close.3500": "Wrong name or password.",
  "close.3501": "The server did not understand this page.",
  "close.3503": "You were removed, by a moderator or because you have logged out.",
  "close.3520": "The name is taken.",
  "close.3521": "You are connected from elsewhere now.",

  "diagnosis.unreachable": "the server cannot be reached",
  "diagnosis.temporary": "the server cannot be reached at the moment ({status})",
  "diagnosis.nothing": "there is no MaChat server at {path} ({status})",

  "tokens.failed": "the server of the logins answers {status}",
  "tokens.missing": "there is no name and token at {url} ({status})",
  "tokens.other": "you are logged in as {name} now: reload the page",
  "tokens.unreachable": "the server of the logins cannot be reached",
  "tokens.loggedOut": "you are not logged in",

  "command.unknown": "There is no command /{name}. For a list of commands, send /help.",
  "command.noName": "/{name} needs a name. For a list of commands, send /help.",
  "command.alone": "Send /{name} by itself: it is a command.",
  "command.mute": "Muted: {name}, until {time}, by {moderator}",
  "command.ban": "Banned: {name}, until {time}, by {moderator}",
  "command.address": "Banned with the address: {name}, until {time}, by {moderator}",
  "command.anAddress": "an address",
  "command.operator": "the operator",
  "command.noSanctions": "There are no mutes or bans.",
  "command.who": "{count} here: {names}",
  "command.whoMore": "{count} here: {names} and {more} more",
  "command.help":
    "/join ROOM: join a room, or switch to it\n" +
    "/leave: leave this room\n" +
    "/who: list the members\n" +
    "/quit: leave all rooms\n" +
    "//...: a message that begins with a slash\n" +
    "For moderators: /kick NAME [REASON], /mute NAME [MINUTES] [REASON], " +
    "/ban NAME [MINUTES] [REASON], /unmute NAME, /unban NAME, /bans, /lock [REASON], /unlock, " +
    "/topic [TEXT]",

  "settings.title": "Settings",
  "settings.theme": "Theme",
  "settings.system": "Same as the system",
  "settings.light": "Light",
  "settings.dark": "Dark",
  "settings.language": "Language",
  "settings.notifications": "Notifications",
  "settings.sound": "Sound",
  "settings.off": "Off",
  "settings.mentions": "For mentions",
  "settings.all": "For all messages",
  "settings.hidden": "Notifications and sounds are given only while this page is hidden.",
  "settings.denied":
    "The browser blocks notifications. Allow them in its settings for this website.",
  "settings.unsupported": "This browser does not support notifications.",
  "settings.close": "Close",

  "notification.title": "{name} in {room}",

  "reply.action": "Reply",
  "reply.to": "Answer to ",
  "reply.notLoaded": "An earlier message",
  "reply.gone": "The message is no longer stored.",

  "change.edit": "Edit",
  "change.editing": "You edit a message.",
  "change.edited": "edited",
  "change.remove": "Remove…",
  "change.removeTitle": "Remove the message",
  "change.removeText": "The content of this message from {name} is deleted for everybody.",
  "change.removeSubmit": "Remove",
  "change.removed": "This message was removed.",
  "change.removedBy": "{name} removed this message.",
  "change.removedFor": "{name} removed this message: {reason}",

  "react.with": "React with {emoji}",
  "react.other": "Another reaction…",
  "react.title": "Add a reaction",
  "react.emoji": "Emoji",
  "react.submit": "Add",
  "react.chip": {
    one: "{count} reaction {emoji}: {names}",
    other: "{count} reactions {emoji}: {names}",
  },
  "react.more": { one: "{names} and {count} more", other: "{names} and {count} more" },

  "menu.message": "Actions for the message from {name}",
  "menu.member": "Actions for {name}",

  "data.label": "Data",

  "typing.one": "{name} is typing…",
  "typing.some": "{names} are typing…",
  "typing.more": {
    one: "{names} and {count} more are typing…",
    other: "{names} and {count} more are typing…",
  },

  "moderation.open": "Moderation…",
  "moderation.title": "Moderation of {room}",
  "moderation.close": "Close",
  "moderation.topic": "Topic",
  "moderation.setTopic": "Set the topic",
  "moderation.lock": "Lock the room",
  "moderation.unlock": "Unlock the room",
  "moderation.sanctions": "Mutes and bans",
  "moderation.muted": "{name}: muted until {time}, by {moderator}",
  "moderation.banned": "{name}: banned until {time}, by {moderator}",
  "moderation.bannedAddress": "{name}: banned with the address until {time}, by {moderator}",
  "moderation.lift": "Lift",
  "moderation.liftFor": "Lift for {name}",
  "moderation.kick": "Kick {name}…",
  "moderation.mute": "Mute {name}…",
  "moderation.ban": "Ban {name}…",
  "moderation.kickText": "The member is removed from the room and may join again.",
  "moderation.muteText": "The member can read, but not send messages.",
  "moderation.banText": "The member is removed from the room and cannot join it.",
  "moderation.reason": "Reason (optional)",
  "moderation.duration": "Duration",
  "moderation.tenMinutes": "10 minutes",
  "moderation.hour": "1 hour",
  "moderation.day": "1 day",
  "moderation.week": "7 days",
  "moderation.month": "30 days",
  "moderation.submit": "Confirm",
};
