import type { SerpentBox } from "./serpent-boxes.js";

function inverse0(words: Int32Array): void {
  for (let at = 0; at < words.length; at += 4) {
    const a = words[at]!;
    const b = words[at + 1]!;
    const c = words[at + 2]!;
    const d = words[at + 3]!;
    const t0 = d ^ b;
    const t1 = ~d;
    const t2 = ((c | b) & t0) ^ (a | (t1 & c));
    const t3 = t1 ^ c;
    const t4 = (t3 | t2) ^ (a & (t1 | b));
    words[at] = (t4 | t2) ^ (t0 & d) ^ c;
    words[at + 1] = t2;
    words[at + 2] = t3 ^ (a | b);
    words[at + 3] = t4;
  }
}

function inverse1(words: Int32Array): void {
  for (let at = 0; at < words.length; at += 4) {
    const a = words[at]!;
    const b = words[at + 1]!;
    const c = words[at + 2]!;
    const d = words[at + 3]!;
    const t0 = d ^ (c ^ a);
    const t1 = d & b;
    const t2 = t1 ^ t0;
    const t3 = t0 ^ b;
    const t4 = t3 ^ c;
    const t5 = (t3 | t1) ^ (a & (t4 | t2));
    const t6 = ~t4;
    const t7 = a | t6;
    words[at] = t3 ^ d ^ t5 ^ t7;
    words[at + 1] = t5;
    words[at + 2] = t6 ^ (c & (t7 ^ t0));
    words[at + 3] = t2;
  }
}

function inverse2(words: Int32Array): void {
  for (let at = 0; at < words.length; at += 4) {
    const a = words[at]!;
    const b = words[at + 1]!;
    const c = words[at + 2]!;
    const d = words[at + 3]!;
    const t0 = d & b;
    const t1 = t0 ^ c;
    const t2 = ~(t1 ^ d);
    const t3 = (t2 | t1) ^ b;
    const t4 = t2 ^ (a & t3);
    const t5 = (t1 | b) ^ t0 ^ a;
    words[at] = t5;
    words[at + 1] = (t3 | a) ^ t2;
    words[at + 2] = t4;
    words[at + 3] = (t5 & t4) ^ t3;
  }
}

function inverse3(words: Int32Array): void {
  for (let at = 0; at < words.length; at += 4) {
    const a = words[at]!;
    const b = words[at + 1]!;
    const c = words[at + 2]!;
    const d = words[at + 3]!;
    const t0 = c ^ b;
    const t1 = d ^ b;
    const t2 = (t1 & t0) ^ a;
    const t3 = t0 ^ (d | t2);
    const t4 = ((t0 | d) & t2) ^ b;
    const t5 = t4 & t1;
    const t6 = t5 | t3;
    words[at] = t3;
    words[at + 1] = t6 ^ t2;
    words[at + 2] = t4;
    words[at + 3] = ((t6 & t0) | (a ^ b)) ^ t5;
  }
}

function inverse4(words: Int32Array): void {
  for (let at = 0; at < words.length; at += 4) {
    const a = words[at]!;
    const b = words[at + 1]!;
    const c = words[at + 2]!;
    const d = words[at + 3]!;
    const t0 = d ^ c;
    const t1 = (t0 | (d & a)) ^ b;
    const t2 = t0 ^ (a & t1);
    const t3 = (d ^ a) & t2;
    const t4 = t3 ^ t1;
    const t5 = t4 ^ d;
    const t6 = ~t5 ^ (a & ~t2);
    words[at] = t6;
    words[at + 1] = t2;
    words[at + 2] = (t6 | t4) ^ t5 ^ t3;
    words[at + 3] = t4;
  }
}

function inverse5(words: Int32Array): void {
  for (let at = 0; at < words.length; at += 4) {
    const a = words[at]!;
    const b = words[at + 1]!;
    const c = words[at + 2]!;
    const d = words[at + 3]!;
    const t0 = c ^ b;
    const t1 = (t0 & b) ^ d;
    const t2 = a & t1;
    const t3 = ~t0 ^ t2;
    const t4 = b | t3;
    const t5 = d | a;
    words[at] = ~(t5 ^ t4) ^ c;
    words[at + 1] = (t4 & a) ^ t1;
    words[at + 2] = (t2 | (a ^ c)) ^ (b & t5);
    words[at + 3] = t3;
  }
}

function inverse6(words: Int32Array): void {
  for (let at = 0; at < words.length; at += 4) {
    const a = words[at]!;
    const b = words[at + 1]!;
    const c = words[at + 2]!;
    const d = words[at + 3]!;
    const t0 = b ^ c;
    const t1 = ~(t0 ^ d) ^ (a & c);
    const t2 = t1 ^ t0 ^ a;
    const t3 = (t2 | t1) ^ t0;
    const t4 = b | t3;
    words[at] = t2 ^ (b & t3);
    words[at + 1] = t1;
    words[at + 2] = (d | a) ^ t0 ^ t4;
    words[at + 3] = (t2 & b) ^ t4;
  }
}

function inverse7(words: Int32Array): void {
  for (let at = 0; at < words.length; at += 4) {
    const a = words[at]!;
    const b = words[at + 1]!;
    const c = words[at + 2]!;
    const d = words[at + 3]!;
    const t0 = a | c;
    const t1 = (d ^ a) & t0;
    const t2 = b | ~(d | c);
    const t3 = t1 ^ t2;
    const t4 = a & ((t2 | t1) ^ c);
    const t5 = t1 ^ d ^ b ^ t4;
    const t6 = t5 ^ t3;
    words[at] = t6 ^ t0 ^ (a & t1);
    words[at + 1] = t3;
    words[at + 2] = t5;
    words[at + 3] = t4 ^ t0 ^ (b & t6);
  }
}

/** What undoes the S-boxes of Serpent, found as those were. */
export const INVERSE_BOXES: readonly SerpentBox[] = [
  inverse0,
  inverse1,
  inverse2,
  inverse3,
  inverse4,
  inverse5,
  inverse6,
  inverse7,
];
