/** Content-Length framing: bytes ↔ messages. No I/O. */

export function encode(message: unknown): Buffer {
  const body = Buffer.from(JSON.stringify(message));
  return Buffer.concat([Buffer.from(`Content-Length: ${body.length}\r\n\r\n`), body]);
}

export class Reader {
  private data = Buffer.alloc(0);

  /** The messages that are complete now. Throws when what comes is no message: then nothing more can be read. */
  feed(chunk: Buffer): unknown[] {
    this.data = Buffer.concat([this.data, chunk]);
    const messages: unknown[] = [];
    for (;;) {
      const end = this.data.indexOf("\r\n\r\n");
      if (end < 0) return messages;
      const length = /^Content-Length: *(\d+)$/im.exec(this.data.toString("latin1", 0, end))?.[1];
      if (length === undefined) throw new Error(`not a message: ${this.data.toString("latin1", 0, 80)}`);
      const start = end + 4;
      if (this.data.length < start + Number(length)) return messages;
      messages.push(JSON.parse(this.data.toString("utf8", start, start + Number(length))));
      this.data = this.data.subarray(start + Number(length));
    }
  }
}

/** The last lines of a log that comes in pieces. */
export class LastLines {
  private text = "";

  constructor(private readonly count: number) {}

  feed(chunk: string): void {
    const lines = (this.text + chunk).split("\n");
    this.text = lines.slice(-this.count - 1).join("\n");
  }

  toString(): string {
    return this.text.trimEnd();
  }
}
