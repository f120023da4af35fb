// @ts-check
/**
 * The emoji that the page offers, and their names in each language.
 *
 * @module
 */

/** Emoji, each followed by its names. The first English name is the short code. @type {Record<string, string>} */
export const EMOJI_NAMES = {
  en:
    "😀 grinning smile, 😄 laughing happy, 😅 sweat_smile, 😂 joy tears laugh, " +
    "🙂 slight_smile, 😉 wink, 😊 blush, 😇 innocent angel, 😍 heart_eyes love, 😋 yum, " +
    "😜 crazy tongue, 😎 sunglasses cool, 🤔 thinking, 😐 neutral, 🙄 eye_roll, 😏 smirk, " +
    "😬 grimace, 😌 relieved, 😴 sleeping, 😕 confused, 😟 worried, 🙁 frown sad, 😮 surprised, " +
    "😳 flushed, 😢 cry, 😭 sob, 😱 scream, 😡 angry rage, 🤯 exploding_head, 🥳 partying, " +
    "🤗 hug, 🤷 shrug, 🤦 facepalm, 🙈 see_no_evil monkey, 👍 thumbsup +1 yes, " +
    "👎 thumbsdown -1 no, 👌 ok_hand, 👏 clap, 🙌 raised_hands hooray, 🙏 pray thanks please, " +
    "💪 muscle strong, 👋 wave hello, 🤝 handshake deal, 🤞 fingers_crossed luck, " +
    "👀 eyes look, 👤 person, ❤️ heart, 💔 broken_heart, 💯 hundred, ✅ check done, " +
    "❌ cross wrong, ⚠️ warning, ❗ exclamation, ❓ question, ⛔ no_entry stop, 🔥 fire, " +
    "✨ sparkles, ⭐ star, ⚡ zap lightning, 💡 bulb idea, 💬 speech, 🎉 tada party, " +
    "🎂 cake birthday, 🎁 gift, 🏆 trophy, 🎯 target, 🚀 rocket ship, 🐛 bug, 🔧 wrench fix, " +
    "🔨 hammer build, 🔒 lock, 🔑 key, 📌 pin, 📎 paperclip, 📝 memo note, 📅 calendar date, " +
    "⏰ alarm clock, ⏳ hourglass waiting, 📢 announcement loudspeaker, 🔔 bell, " +
    "💻 laptop computer, 📱 phone, 🔍 search, 🗑️ trash, 📦 package box, 📈 chart up, " +
    "☕ coffee, 🍺 beer, 🍕 pizza, 🍎 apple, ☀️ sun, 🌧️ rain, ❄️ snow, 🌈 rainbow, " +
    "🌍 earth world, 🐱 cat, 🐶 dog, 🦊 fox, 🐢 turtle slow, 🦄 unicorn, 🌱 seedling grow, " +
    "🌸 blossom flower",
  de:
    "😀 grinsen lachen, 😄 lachen fröhlich, 😅 schwitzen, 😂 lachtränen, 🙂 lächeln, " +
    "😉 zwinkern, 😊 erröten, 😇 engel unschuldig, 😍 verliebt, 😋 lecker, 😜 zunge frech, " +
    "😎 sonnenbrille, 🤔 nachdenken, 😐 neutral, 🙄 augenrollen, 😏 schmunzeln, 😬 grimasse, " +
    "😌 erleichtert, 😴 schlafen, 😕 verwirrt, 😟 besorgt, 🙁 traurig, 😮 überrascht, " +
    "😳 verlegen, 😢 weinen, 😭 heulen, 😱 schreien, 😡 wütend, 🤯 explodieren, 🥳 feiern, " +
    "🤗 umarmung, 🤷 schulterzucken, 🤦 stirn, 🙈 affe, 👍 daumen_hoch ja, " +
    "👎 daumen_runter nein, 👌 ok, 👏 applaus, 🙌 hurra, 🙏 danke bitte, 💪 stark, " +
    "👋 winken hallo, 🤝 handschlag, 🤞 daumen_drücken, 👀 augen schauen, 👤 person, ❤️ herz, " +
    "💔 herz_gebrochen, 💯 hundert, ✅ erledigt haken, ❌ falsch kreuz, ⚠️ warnung, " +
    "❗ ausrufezeichen, ❓ frage, ⛔ verboten, 🔥 feuer, ✨ glitzer, ⭐ stern, ⚡ blitz, " +
    "💡 idee lampe, 💬 sprechblase, 🎉 party konfetti, 🎂 kuchen geburtstag, 🎁 geschenk, " +
    "🏆 pokal, 🎯 ziel, 🚀 rakete, 🐛 käfer fehler, 🔧 schraubenschlüssel, 🔨 hammer, " +
    "🔒 schloss, 🔑 schlüssel, 📌 nadel, 📎 büroklammer, 📝 notiz, 📅 kalender termin, " +
    "⏰ wecker, ⏳ sanduhr warten, 📢 ankündigung, 🔔 glocke, 💻 computer, 📱 telefon, " +
    "🔍 suche lupe, 🗑️ papierkorb, 📦 paket, 📈 diagramm, ☕ kaffee, 🍺 bier, 🍕 pizza, " +
    "🍎 apfel, ☀️ sonne, 🌧️ regen, ❄️ schnee, 🌈 regenbogen, 🌍 erde welt, 🐱 katze, 🐶 hund, " +
    "🦊 fuchs, 🐢 schildkröte, 🦄 einhorn, 🌱 keimling, 🌸 blume",
};
