import { writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Secrets } from "../src/secrets.js";
import { scratch } from "./harness.js";

const at = scratch();

const read = async (object: string, id = "key"): Promise<string> =>
  Buffer.from(await Secrets.parse([object]).read(id)).toString();

describe("--object", () => {
  it.each([
    ["secret,id=key,data=letmein", "letmein"],
    ["secret,id=key,data=a,,b=c", "a,b=c"],
    ["secret,id=key,data=", ""],
    ["secret,id=key,format=raw,data=bGV0bWVpbg==", "bGV0bWVpbg=="],
    ["secret,id=key,format=base64,data=bGV0bWVpbg==", "letmein"],
    ["secret,data=letmein,id=key", "letmein"],
    ['{"qom-type":"secret","id":"key","data":"a,b"}', "a,b"],
    ["secret,id=key,data=pässwörd", "pässwörd"],
  ])("%s", async (object, content) => {
    expect(await read(object)).toBe(content);
  });

  it("takes a file as it is", async () => {
    writeFileSync(at("secret"), "letmein\n");
    expect(await read(`secret,id=key,file=${at("secret")}`)).toBe("letmein\n");
  });

  it("takes a file of base64 in lines", async () => {
    writeFileSync(at("encoded"), "bGV0\nbWVpbg==\n");
    expect(await read(`secret,id=key,format=base64,file=${at("encoded")}`)).toBe("letmein");
  });

  it("keeps several apart", async () => {
    const secrets = Secrets.parse(["secret,id=a,data=1", "secret,id=b,data=2"]);
    expect(Buffer.from(await secrets.read("a")).toString()).toBe("1");
    expect(Buffer.from(await secrets.read("b")).toString()).toBe("2");
  });

  it.each([
    ["tls-creds-x509,id=key,dir=hidden", "--object: objects of type 'tls-creds-x509' are not supported (only secret)"],
    ["secret,data=hidden", "--object: id '': must begin with a letter, of letters, digits, '-', '.' and '_'"],
    ["secret,id=key", "--object: secret 'key' needs either data or file"],
    ["secret,id=key,data=hidden,file=hidden", "--object: secret 'key' needs either data or file"],
    ["secret,id=key,data=hidden,format=hex", "--object: secret 'key': format 'hex': must be one of raw, base64"],
    ["secret,id=key,data=hidden,iv=hidden", "--object: a secret has no 'iv' here (only id, data, file, format)"],
    ["secret,id=key,=hidden", "--object: an option has the form name=value"],
    ['{"qom-type":"secret","id":"key","data":"hidden"', "--object: is not well-formed JSON"],
    ['{"qom-type":"secret","id":"key","data":["hidden"]}', "--object: 'data' must be a string"],
  ])("refuses %s, and does not show what is secret", (object, message) => {
    expect(() => Secrets.parse([object])).toThrow(message);
    expect(message).not.toContain("hidden");
  });

  it("refuses an ID that is given twice", () => {
    expect(() => Secrets.parse(["secret,id=a,data=1", "secret,id=a,data=2"])).toThrow("two with the ID 'a'");
  });
});

describe("a secret", () => {
  it("that nobody defines is named, with the option that would", async () => {
    await expect(Secrets.parse([]).read("key")).rejects.toThrow("--object secret,id=key,file=FILE defines it");
  });

  it("that is not base64 is refused, and not shown", async () => {
    const failure = read("secret,id=key,format=base64,data=hidden!");
    await expect(failure).rejects.toThrow("secret 'key': is not well-formed base64");
    await expect(failure).rejects.not.toThrow("hidden");
  });

  it("in a file that is not there, or is no secret, is refused", async () => {
    await expect(read(`secret,id=key,file=${at("missing")}`)).rejects.toThrow("secret 'key' cannot be read");
    writeFileSync(at("disk"), Buffer.alloc(2_000_000));
    await expect(read(`secret,id=key,file=${at("disk")}`)).rejects.toThrow("too large: the limit is 1048576 bytes");
  });
});
