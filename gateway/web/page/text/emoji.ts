/** Within one press: what people answer with most. */
export const quickEmoji = ["👍", "❤️", "😂", "🎉", "😮", "🙏"] as const;

/** What the picker has, with the words that it is found by; the first is its name. */
export const emoji: readonly (readonly [character: string, words: string])[] = [
  ["👍", "thumbs up yes good agree"],
  ["👎", "thumbs down no bad"],
  ["❤️", "red heart love"],
  ["😂", "tears of joy laugh funny"],
  ["🎉", "party popper celebrate hooray"],
  ["😮", "open mouth surprised wow"],
  ["🙏", "folded hands thanks please"],
  ["👏", "clapping hands applause bravo"],
  ["🙌", "raised hands hooray"],
  ["👀", "eyes look watching"],
  ["✅", "check mark done yes"],
  ["❌", "cross mark no wrong"],
  ["🔥", "fire hot great"],
  ["💯", "hundred points full perfect"],
  ["🚀", "rocket launch ship fast"],
  ["⭐", "star favourite"],
  ["💡", "light bulb idea"],
  ["🤔", "thinking face hmm"],
  ["😀", "grinning face happy smile"],
  ["😄", "grinning with smiling eyes happy"],
  ["😊", "smiling face blush"],
  ["😉", "winking face wink"],
  ["😍", "heart eyes love"],
  ["😎", "sunglasses cool"],
  ["🤩", "star struck wow"],
  ["😅", "sweat smile phew"],
  ["🙂", "slightly smiling face"],
  ["😐", "neutral face"],
  ["🙄", "rolling eyes"],
  ["😢", "crying face sad tear"],
  ["😭", "loudly crying face sad"],
  ["😡", "angry face mad"],
  ["😱", "screaming in fear shock"],
  ["🥳", "partying face birthday"],
  ["😴", "sleeping face tired"],
  ["🤯", "exploding head mind blown"],
  ["🤝", "handshake deal agreed"],
  ["👋", "waving hand hello bye"],
  ["💪", "flexed biceps strong"],
  ["👌", "ok hand fine"],
  ["✌️", "victory hand peace"],
  ["🤞", "crossed fingers luck"],
  ["🫡", "saluting face yes sir"],
  ["🤷", "shrug don't know"],
  ["☕", "coffee tea hot drink"],
  ["🍰", "cake birthday"],
  ["🍕", "pizza food lunch"],
  ["🌞", "sun face morning"],
  ["🌈", "rainbow"],
  ["🐛", "bug insect"],
  ["🐢", "turtle slow"],
  ["🦊", "fox"],
  ["⏰", "alarm clock time late"],
  ["📌", "pin important"],
  ["📎", "paper clip attachment"],
  ["🔒", "lock closed secret"],
  ["⚠️", "warning careful"],
  ["💬", "speech bubble talk"],
  ["💔", "broken heart"],
  ["🏁", "chequered flag finish"],
];

/** All whose words begin with what was typed. */
export function findEmoji(query: string): readonly string[] {
  const typed = query.trim().toLowerCase();
  return emoji
    .filter(([, words]) => typed === "" || ` ${words}`.includes(` ${typed}`))
    .map(([character]) => character);
}

/** How a screen reader is told of it, where the character alone may say nothing. */
export function emojiName(character: string): string {
  const words = emoji.find(([known]) => known === character)?.[1];
  return words?.split(" ").slice(0, 2).join(" ") ?? character;
}
