/**
 * Puts bits through an S-box: in four words those in one place are a number, the lowest of them in the first word. All
 * fours of words that there are go through it.
 */
export type SerpentBox = (words: Int32Array) => void;

function box0(words: Int32Array): void {
  for (let at = 0; at < words.length; at += 4) {
    const a = words[at]!;
    const b = words[at + 1]!;
    const c = words[at + 2]!;
    const d = words[at + 3]!;
    const t0 = c & d;
    const t1 = b ^ a;
    const t2 = t1 ^ t0;
    const t3 = t1 ^ d;
    const t4 = t3 | t0;
    const t5 = ~(c | b);
    const t6 = c ^ b;
    words[at] = t4 ^ (a | t5);
    words[at + 1] = ((t6 ^ t3) | t5) ^ (a | t2);
    words[at + 2] = (t5 & t4) ^ t2;
    words[at + 3] = t6 ^ (a | d);
  }
}

function box1(words: Int32Array): void {
  for (let at = 0; at < words.length; at += 4) {
    const a = words[at]!;
    const b = words[at + 1]!;
    const c = words[at + 2]!;
    const d = words[at + 3]!;
    const t0 = b ^ a;
    const t1 = t0 & d;
    const t2 = d ^ c;
    const t3 = ~t0;
    const t4 = a | t3;
    const t5 = t2 ^ t4;
    const t6 = (t5 | t1) ^ c;
    const t7 = t3 ^ c;
    const t8 = t6 ^ b;
    words[at] = (t8 & t2 & t4) ^ t7;
    words[at + 1] = t8 ^ t1 ^ (a | c);
    words[at + 2] = t5;
    words[at + 3] = t6 ^ (a & t7);
  }
}

function box2(words: Int32Array): void {
  for (let at = 0; at < words.length; at += 4) {
    const a = words[at]!;
    const b = words[at + 1]!;
    const c = words[at + 2]!;
    const d = words[at + 3]!;
    const t0 = c ^ a;
    const t1 = (t0 | c) ^ d;
    const t2 = t1 ^ b;
    const t3 = d | a;
    const t4 = t3 ^ t1;
    const t5 = (t3 & t0) ^ (b | t4);
    const t6 = t2 ^ t4;
    words[at] = t2 ^ a;
    words[at + 1] = t5;
    words[at + 2] = (t6 | t5) ^ t4;
    words[at + 3] = ~(t6 & t5) ^ t4;
  }
}

function box3(words: Int32Array): void {
  for (let at = 0; at < words.length; at += 4) {
    const a = words[at]!;
    const b = words[at + 1]!;
    const c = words[at + 2]!;
    const d = words[at + 3]!;
    const t0 = c | d;
    const t1 = c ^ b;
    const t2 = a ^ d ^ t1;
    const t3 = t2 ^ t0;
    const t4 = (t3 & d) ^ c;
    const t5 = a & t4;
    const t6 = t3 ^ t5;
    const t7 = t1 ^ t0;
    const t8 = t7 | t6;
    words[at] = (t8 & t2) | t5;
    words[at + 1] = t6;
    words[at + 2] = (t7 & t6) ^ t2;
    words[at + 3] = t8 ^ t4;
  }
}

function box4(words: Int32Array): void {
  for (let at = 0; at < words.length; at += 4) {
    const a = words[at]!;
    const b = words[at + 1]!;
    const c = words[at + 2]!;
    const d = words[at + 3]!;
    const t0 = d ^ a;
    const t1 = (t0 & d) ^ c;
    const t2 = b | t1;
    const t3 = t0 ^ t2;
    const t4 = ~b;
    const t5 = (t4 | t0) ^ t1;
    const t6 = (t3 & t2) ^ b ^ (a & t5);
    words[at] = t5;
    words[at + 1] = (t6 & t3) ^ t4 ^ (a | t5);
    words[at + 2] = t6;
    words[at + 3] = t3;
  }
}

function box5(words: Int32Array): void {
  for (let at = 0; at < words.length; at += 4) {
    const a = words[at]!;
    const b = words[at + 1]!;
    const c = words[at + 2]!;
    const d = words[at + 3]!;
    const t0 = (d & b) ^ c;
    const t1 = d ^ b;
    const t2 = ~t1;
    const t3 = t0 ^ (a | t2);
    const t4 = t2 | t0;
    const t5 = t1 ^ a;
    const t6 = t5 ^ (d | t3);
    words[at] = t3;
    words[at + 1] = t6;
    words[at + 2] = ((t6 ^ b) & t5) ^ t4;
    words[at + 3] = t2 ^ c ^ (a & (t4 ^ b));
  }
}

function box6(words: Int32Array): void {
  for (let at = 0; at < words.length; at += 4) {
    const a = words[at]!;
    const b = words[at + 1]!;
    const c = words[at + 2]!;
    const d = words[at + 3]!;
    const t0 = ~d;
    const t1 = a | t0;
    const t2 = c ^ b ^ d ^ t1;
    const t3 = (t2 | d) ^ a;
    const t4 = t3 | t2;
    const t5 = t3 ^ (b & (t4 ^ t0));
    const t6 = t5 ^ t4;
    const t7 = t6 ^ t1 ^ c;
    words[at] = t7;
    words[at + 1] = t2;
    words[at + 2] = t5;
    words[at + 3] = (t7 | t5) ^ t6 ^ t0;
  }
}

function box7(words: Int32Array): void {
  for (let at = 0; at < words.length; at += 4) {
    const a = words[at]!;
    const b = words[at + 1]!;
    const c = words[at + 2]!;
    const d = words[at + 3]!;
    const t0 = (c | b) ^ d;
    const t1 = c ^ b;
    const t2 = t1 | d;
    const t3 = t0 | b;
    const t4 = t1 ^ a;
    const t5 = t4 ^ t3;
    const t6 = t0 ^ b;
    const t7 = t4 ^ (a & t6);
    words[at] = (~t5 | t7) ^ t6;
    words[at + 1] = t0 ^ (a & t2);
    words[at + 2] = (t3 & t2) ^ (a & t5);
    words[at + 3] = t7;
  }
}

/** The S-boxes of Serpent, as short expressions that a search has found; the tests hold them against the tables. */
export const BOXES: readonly SerpentBox[] = [box0, box1, box2, box3, box4, box5, box6, box7];
