// @ts-check
/**
 * The German texts of the page. See `english.js`.
 *
 * @module
 */

/** @type {Record<import("./texts.js").Key, import("./texts.js").Text>} */
export const GERMAN = {
  "app.name": "MaChat",
  "app.noScript": "Diese Seite braucht JavaScript.",
  "app.skip": "Zum Nachrichtenfeld springen",
  "app.title": "{room} – MaChat",

  "signin.name": "Dein Name",
  "signin.room": "Raum",
  "signin.password": "Passwort",
  "signin.login": "Anmelden",
  "signin.join": "Beitreten",
  "signin.again": "Erneut anmelden",
  "signin.submit": "Anmelden",
  "signin.needsPassword": "Ein Passwort ist erforderlich.",
  "signin.noAnswer": "Der Server antwortet nicht.",

  "rooms.title": "Räume",
  "rooms.join": "Raum betreten",
  "rooms.to": "{room} betreten oder zeigen",
  "rooms.unread": { one: "{count} ungelesene Nachricht", other: "{count} ungelesene Nachrichten" },
  "rooms.unreadMore": {
    one: "{count} oder mehr ungelesene Nachrichten",
    other: "{count} oder mehr ungelesene Nachrichten",
  },
  "rooms.mentions": { one: "{count} Erwähnung", other: "{count} Erwähnungen" },
  "rooms.more": {
    one: "{count} weiteren ungelesenen Raum zeigen",
    other: "{count} weitere ungelesene Räume zeigen",
  },
  "rooms.wait": "Keine Verbindung. Du trittst bei, sobald sie wieder besteht.",
  "rooms.moreListed": "Es gibt weitere Räume: Gib den Anfang eines Namens ein.",
  "rooms.needsKey": "braucht einen Schlüssel",
  "rooms.keyTitle": "Der Raum {room} braucht einen Schlüssel",
  "rooms.key": "Schlüssel",

  "room.locked": "gesperrt",
  "room.leave": "Verlassen",
  "room.joining": "Der Raum wird betreten…",
  "room.joinAgain": "Wieder beitreten",
  "room.messages": "Nachrichten in {room}",
  "room.lost": "Einige Nachrichten sind verloren: Der Server hat sie nicht mehr.",
  "room.removed": "Du wurdest entfernt.",
  "room.removedFor": "Du wurdest entfernt: {reason}",
  "room.latest": "Zu den neuesten",
  "room.below": { one: "{count} neue Nachricht", other: "{count} neue Nachrichten" },

  "topic.whole": "Ganzes Thema zeigen",
  "topic.less": "Thema einklappen",

  "members.title": "Mitglieder",
  "members.here": "{count} hier",
  "members.more": "und {count} weitere",
  "members.you": " (du)",
  "members.find": "Mitglied suchen",
  "members.found": "{count} gefunden",

  "composer.label": "Nachricht an {room}",
  "composer.send": "Senden",
  "composer.tooMany": "Zu viele Nachrichten warten auf das Senden.",
  "composer.tooManyLines":
    "Höchstens {most} Zeilen können auf einmal gesendet werden. Dieser Text hat {count}.",

  "suggest.title": "Vorschläge",
  "suggest.count": { one: "{count} Vorschlag", other: "{count} Vorschläge" },
  "suggest.moderators": "für Moderatoren",

  "emoji.title": "Emoji",
  "emoji.insert": "Ein Emoji einfügen",
  "emoji.submit": "Einfügen",
  "emoji.field": "Emoji oder sein Name",

  "message.new": "Neue Nachrichten",
  "message.server": "Der Server: ",
  "message.from": "{name}: ",
  "message.less": "Weniger zeigen",
  "message.all": { one: "{count} Zeichen zeigen", other: "Alle {count} Zeichen zeigen" },
  "message.sending": "(wird gesendet)",
  "message.notSent": "Nicht gesendet: {reason} ",
  "message.perhapsSent": "Vielleicht gesendet: {reason} ",
  "message.again": "Erneut senden",
  "message.edit": "Bearbeiten",
  "message.remove": "Entfernen",
  "message.lost": "Der Server hat sie verloren",
  "message.mayMiss":
    "Hier fehlen möglicherweise Nachrichten: Der Server konnte sie nicht wiederherstellen",
  "message.missing": {
    one: "{count} Nachricht konnte nicht wiederhergestellt werden",
    other: "{count} Nachrichten konnten nicht wiederhergestellt werden",
  },

  "history.begins": "Hier beginnt der gespeicherte Verlauf",
  "history.again": "Erneut versuchen",
  "history.failed": "nicht geladen: {reason}",
  "history.late": "Der Server antwortet nicht",
  "history.changed": "Der Raum hat sich inzwischen geändert",
  "history.offline": "Es besteht keine Verbindung",
  "history.older": "Ältere Nachrichten laden",
  "history.newer": "Neuere Nachrichten laden",
  "history.loadingOlder": "Ältere Nachrichten werden geladen…",
  "history.loadingNewer": "Neuere Nachrichten werden geladen…",
  "history.loadedOlder": {
    one: "{count} ältere Nachricht geladen. ",
    other: "{count} ältere Nachrichten geladen. ",
  },
  "history.loadedNewer": {
    one: "{count} neuere Nachricht geladen. ",
    other: "{count} neuere Nachrichten geladen. ",
  },
  "history.failedOlder": "Ältere Nachrichten konnten nicht geladen werden: {reason}",
  "history.failedNewer": "Neuere Nachrichten konnten nicht geladen werden: {reason}",

  "dialog.cancel": "Abbrechen",

  "connection.connecting": "Verbinden",
  "connection.progress": "Verbindung wird hergestellt…",
  "connection.online": "Verbunden",
  "connection.waiting": "Getrennt",
  "connection.ended": "Beendet",
  "connection.lost": "Die Verbindung ist unterbrochen.",
  "connection.kept": "{reason} Deine Nachrichten bleiben erhalten.",
  "connection.again": "Erneut verbinden",
  "connection.now": "Jetzt versuchen",
  "connection.countdown": "Neuer Versuch in {seconds} s.",
  "connection.over": "Der Server hat die Verbindung beendet: {reason}.",

  "close.1000": "Du hast den Chat verlassen.",
  "close.3001": "Der Server startet neu.",
  "close.3002": "Der Server hat zu lange auf diese Seite gewartet.",
  "close.3003": "Aus deinem Netz kommen zu viele Verbindungen.",
  "close.3004": "Aus deinem Netz kommen zu viele fehlgeschlagene Anmeldungen.",
  "close.3005": "Deine Anmeldung ist abgelaufen.",
  "close.3006": "Auf dem Server ist ein Fehler aufgetreten.",
  "close.3008": "Diese Verbindung war zu langsam.",
  "close.3010": "Der Server hat deinen Namen nicht mehr.",
  "close.3011": "Eine frühere Verbindung hat noch deinen Namen.",
  "close.3500": "Name oder Passwort ist falsch.",
  "close.3501": "Der Server hat diese Seite nicht verstanden.",
  "close.3503": "Ein Moderator hat dich entfernt, oder du hast dich abgemeldet.",
  "close.3520": "Der Name ist vergeben.",
  "close.3521": "Du bist jetzt von anderswo verbunden.",

  "diagnosis.unreachable": "Der Server ist nicht erreichbar",
  "diagnosis.temporary": "Der Server ist im Moment nicht erreichbar ({status})",
  "diagnosis.nothing": "Unter {path} ist kein MaChat-Server ({status})",

  "tokens.failed": "Der Server der Anmeldungen antwortet {status}",
  "tokens.missing": "Unter {url} sind weder Name noch Token ({status})",
  "tokens.other": "Du bist jetzt als {name} angemeldet: Lade die Seite neu",
  "tokens.unreachable": "Der Server der Anmeldungen ist nicht erreichbar",
  "tokens.loggedOut": "Du bist nicht angemeldet",

  "find.open": "Suchen",
  "find.label": "In {room} suchen",
  "find.place": "{number} von {count}",
  "find.none": "Hier nichts",
  "find.older": "Voriger Treffer (Eingabe)",
  "find.newer": "Nächster Treffer (Umschalt+Eingabe)",
  "find.server": "Verlauf auf dem Server durchsuchen",
  "find.close": "Suche schließen (Escape)",

  "search.title": "Nachrichten mit „{words}“",
  "search.searching": "Suche läuft…",
  "search.found": {
    one: "{count} Nachricht gefunden",
    other: "{count} Nachrichten gefunden",
  },
  "search.older": "Ältere Nachrichten durchsuchen",
  "search.close": "Schließen",
  "search.noWords": "/search braucht ein Wort, nach dem gesucht wird.",
  "command.unknown": "Es gibt keinen Befehl /{name}. Eine Liste der Befehle zeigt /help.",
  "command.noName": "/{name} braucht einen Namen. Eine Liste der Befehle zeigt /help.",
  "command.alone": "Sende /{name} einzeln: Es ist ein Befehl.",
  "command.mute": "Stummgeschaltet: {name}, bis {time}, von {moderator}",
  "command.ban": "Gesperrt: {name}, bis {time}, von {moderator}",
  "command.address": "Mit der Adresse gesperrt: {name}, bis {time}, von {moderator}",
  "command.anAddress": "eine Adresse",
  "command.operator": "dem Betreiber",
  "command.noSanctions": "Niemand ist stummgeschaltet oder gesperrt.",
  "command.who": "{count} hier: {names}",
  "command.whoMore": "{count} hier: {names} und {more} weitere",
  "command.help":
    "/join RAUM: einen Raum betreten oder zu ihm wechseln\n" +
    "/leave: diesen Raum verlassen\n" +
    "/who: die Mitglieder auflisten\n" +
    "/search WÖRTER: die gespeicherten Nachrichten durchsuchen\n" +
    "/msg NAME [TEXT]: eine private Nachricht senden oder das Gespräch öffnen\n" +
    "/block NAME: private Nachrichten von jemandem ablehnen\n" +
    "/unblock NAME: private Nachrichten von jemandem wieder annehmen\n" +
    "/quit: alle Räume verlassen\n" +
    "//...: eine Nachricht, die mit einem Schrägstrich beginnt\n" +
    "Für Moderatoren: /kick NAME [GRUND], /mute NAME [MINUTEN] [GRUND], " +
    "/ban NAME [MINUTEN] [GRUND], /unmute NAME, /unban NAME, /bans, /lock [GRUND], /unlock, " +
    "/topic [TEXT]",

  "settings.title": "Einstellungen",
  "settings.signOut": "Abmelden",
  "settings.theme": "Farbschema",
  "settings.system": "Wie das System",
  "settings.light": "Hell",
  "settings.dark": "Dunkel",
  "settings.language": "Sprache",
  "settings.notifications": "Benachrichtigungen",
  "settings.sound": "Ton",
  "settings.off": "Aus",
  "settings.mentions": "Bei Erwähnungen",
  "settings.all": "Bei allen Nachrichten",
  "settings.hidden": "Benachrichtigungen und Ton gibt es nur, solange diese Seite verborgen ist.",
  "settings.denied":
    "Der Browser blockiert Benachrichtigungen. Erlaube sie in seinen Einstellungen für diese Website.",
  "settings.unsupported": "Dieser Browser unterstützt keine Benachrichtigungen.",

  "dialog.close": "Schließen",

  "jump.title": "Zu einem Raum springen",
  "jump.join": "{room} beitreten",

  "keys.title": "Tastenkürzel",
  "keys.before": "Voriger Raum",
  "keys.after": "Nächster Raum",
  "keys.jump": "Zu einem Raum springen",
  "keys.help": "Diese Liste zeigen",
  "keys.escape": "Schließen oder zum Nachrichtenfeld zurückkehren",
  "keys.send": "Nachricht senden",
  "keys.line": "Neue Zeile beginnen",
  "keys.complete": "Namen nach @, Emojis nach : und Befehle nach / vervollständigen",

  "notification.title": "{name} in {room}",
  "notification.direct": "Private Nachricht von {name}",

  "direct.open": "{name} privat schreiben",
  "direct.tag": "privat",
  "direct.tab": " (privat) ",
  "direct.messages": "Private Nachrichten mit {room}",
  "direct.close": "Schließen",
  "direct.noAccount":
    "Private Nachrichten gibt es nur für angemeldete Konten, und du bist ohne Konto beigetreten.",
  "direct.nobody": "Es gibt niemanden mit dem Namen {name}",
  "direct.block": "{name} blockieren…",
  "direct.blockButton": "Blockieren…",
  "direct.blockTitle": "{name} blockieren",
  "direct.blockText":
    "Der Server lehnt dann private Nachrichten von {name} an dich ab, und {name} sieht das. In Räumen seht ihr einander weiterhin. Du kannst das jederzeit aufheben.",
  "direct.blockSubmit": "Blockieren",
  "direct.blocked": "Du hast {name} blockiert und erhältst von dort keine privaten Nachrichten",
  "direct.unblock": "Blockierung von {name} aufheben…",
  "direct.unblockTitle": "Blockierung von {name} aufheben",
  "direct.unblockText":
    "{name} kann dir wieder private Nachrichten senden. Abgelehnte Nachrichten werden nicht nachgeliefert.",
  "direct.unblockSubmit": "Aufheben",
  "direct.unblocked": "{name} kann dir wieder private Nachrichten senden.",

  "reply.action": "Antworten",
  "reply.to": "Antwort an ",
  "reply.notLoaded": "Eine frühere Nachricht",
  "reply.gone": "Die Nachricht ist nicht mehr gespeichert.",

  "change.edit": "Bearbeiten",
  "change.editing": "Du bearbeitest eine Nachricht.",
  "change.tooLate": "Eine Nachricht lässt sich nur {time} lang ändern.",
  "change.edited": "bearbeitet",
  "change.remove": "Entfernen…",
  "change.removeTitle": "Nachricht entfernen",
  "change.removeText": "Der Inhalt dieser Nachricht von {name} wird für alle gelöscht.",
  "change.removeSubmit": "Entfernen",
  "change.removed": "Diese Nachricht wurde entfernt.",
  "change.removedBy": "{name} hat diese Nachricht entfernt.",
  "change.removedFor": "{name} hat diese Nachricht entfernt: {reason}",

  "react.with": "Mit {emoji} reagieren",
  "react.other": "Andere Reaktion…",
  "react.title": "Reaktion hinzufügen",
  "react.submit": "Hinzufügen",
  "react.chip": {
    one: "{count} Reaktion {emoji}: {names}",
    other: "{count} Reaktionen {emoji}: {names}",
  },
  "react.more": { one: "{names} und {count} weitere", other: "{names} und {count} weitere" },

  "menu.message": "Aktionen für die Nachricht von {name}",
  "menu.member": "Aktionen für {name}",
  "menu.copy": "Link kopieren",
  "menu.copied": "Der Link wurde kopiert.",

  "data.label": "Daten",

  "typing.one": "{name} schreibt…",
  "typing.some": "{names} schreiben…",
  "typing.more": {
    one: "{names} und {count} weitere schreiben…",
    other: "{names} und {count} weitere schreiben…",
  },

  "moderation.open": "Moderation…",
  "moderation.title": "Moderation von {room}",
  "moderation.close": "Schließen",
  "moderation.topic": "Thema",
  "moderation.setTopic": "Thema setzen",
  "moderation.lock": "Raum sperren",
  "moderation.unlock": "Raum öffnen",
  "access.list": "Raum in die Raumliste aufnehmen",
  "access.unlist": "Raum aus der Raumliste entfernen",
  "access.listed": "Der Raum steht in der Raumliste.",
  "access.unlisted": "Der Raum steht nicht in der Raumliste.",
  "access.key": "Schlüssel für den Beitritt",
  "access.setKey": "Schlüssel festlegen",
  "access.removeKey": "Schlüssel entfernen",
  "access.keySet":
    "Der Schlüssel gilt. Er wird nie wieder angezeigt: teile ihn denen mit, die beitreten dürfen.",
  "access.keyRemoved": "Der Beitritt braucht keinen Schlüssel.",

  "moderation.sanctions": "Stummschaltungen und Sperren",
  "moderation.muted": "{name}: stummgeschaltet bis {time}, durch {moderator}",
  "moderation.banned": "{name}: ausgeschlossen bis {time}, durch {moderator}",
  "moderation.bannedAddress":
    "{name}: mit der Adresse ausgeschlossen bis {time}, durch {moderator}",
  "moderation.lift": "Aufheben",
  "moderation.liftFor": "Für {name} aufheben",
  "moderation.kick": "{name} entfernen…",
  "moderation.mute": "{name} stummschalten…",
  "moderation.ban": "{name} ausschließen…",
  "moderation.kickText": "Das Mitglied wird aus dem Raum entfernt und darf wieder beitreten.",
  "moderation.muteText": "Das Mitglied kann lesen, aber keine Nachrichten senden.",
  "moderation.banText": "Das Mitglied wird aus dem Raum entfernt und kann nicht beitreten.",
  "moderation.reason": "Grund (optional)",
  "moderation.duration": "Dauer",
  "moderation.tenMinutes": "10 Minuten",
  "moderation.hour": "1 Stunde",
  "moderation.day": "1 Tag",
  "moderation.week": "7 Tage",
  "moderation.month": "30 Tage",
  "moderation.submit": "Bestätigen",
};

/** German texts for refusals, which the server and the client write in English: by the text without a time,
 * or by the code. */
export const REFUSALS = {
  "bad-name": "Der Name hat 1 bis 32 Zeichen: Buchstaben, Ziffern und einige Zeichen",
  "bad-room": "Der Name eines Raums hat 1 bis 64 Zeichen: Buchstaben, Ziffern und einige Zeichen",
  "name-taken": "Der Name ist vergeben",
  "not-allowed": "Das ist hier nicht erlaubt",
  "you may not send messages to that user": "Diese Person nimmt keine Nachrichten von dir an",
  "that is your own name": "Das ist dein eigener Name",
  "the name machat is reserved for the server": "Dieser Name ist für den Server reserviert",
  "that requires an account": "Das ist nur mit einem Konto möglich",
  "direct conversations require an account": "Das ist nur mit einem Konto möglich",
  "that conversation is of two other users": "Dieses Gespräch führen zwei andere",
  "you may not join that room": "Du darfst diesen Raum nicht betreten",
  "you may read, but not write, in that room":
    "Du darfst in diesem Raum lesen, aber nicht schreiben",
  "you may not moderate that room": "Du darfst diesen Raum nicht moderieren",
  "that member is a moderator of the room": "Dieses Mitglied moderiert den Raum",
  "too many mutes and bans: lift some first":
    "Zu viele Stummschaltungen und Sperren: Hebe zuerst einige auf",
  "a message of the server cannot be edited":
    "Eine Nachricht des Servers kann nicht bearbeitet werden",
  "nobody with that name is in that room": "Niemand mit diesem Namen ist in diesem Raum",
  "nobody is in that room": "In diesem Raum ist niemand",
  banned: "Du bist ausgeschlossen",
  "not-joined": "Du bist nicht in diesem Raum",
  "room-full": "Der Raum ist voll",
  "room-locked": "Der Raum ist gesperrt",
  "bad-key": "Der Schlüssel fehlt oder ist falsch",
  "too-many-rooms": "Du bist in zu vielen Räumen",
  "too-long": "Die Nachricht ist zu lang",
  muted: "Du bist stummgeschaltet",
  failed: "Der Server konnte das nicht speichern",
  unknown: "Die Nachricht wurde vielleicht gespeichert, vielleicht auch nicht",
  "bad-credentials": "Name oder Passwort ist falsch",
  "no-such-message": "Diese Nachricht gibt es nicht",
  "too-many-reactions": "Diese Nachricht hat zu viele Reaktionen",
  lost: "Die Verbindung ist unterbrochen",
  "too-much": "Zu viele Nachrichten warten auf das Senden",
};
