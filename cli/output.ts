/** What all commands share: exit codes, JSON on stdout, progress on stderr. */
import { styleText } from 'node:util';

export const exitCodes = { fine: 0, finding: 1, usage: 2, cannotJudge: 125, interrupted: 130 } as const;

/** Prints one line of data. */
export function print(line = ''): void {
  process.stdout.write(`${line}\n`);
}

/** Prints the one JSON document of a command; `schema` names its shape and version. */
export function printJson(schema: string, document: object): void {
  print(JSON.stringify({ schema: `dextrace.${schema}/1`, ...document }, plain, 2));
}

/** Values that JSON has no form for: maps as objects, bytes and 64-bit numbers as hexadecimal text. */
export function plain(_key: string, value: unknown): unknown {
  if (value instanceof Map) return Object.fromEntries(value as Map<number, unknown>);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  return typeof value === 'bigint' ? `0x${value.toString(16)}` : value;
}

const { FORCE_COLOR: forced, NO_COLOR: refused } = process.env;
const colours = forced === undefined ? process.stdout.isTTY && !refused : forced !== '0';

/** Text in a style, where the output can show it. */
export function styled(style: 'bold' | 'dim' | 'red' | 'green' | 'yellow', text: string): string {
  return colours ? styleText(style, text) : text;
}

/** `1234567` as `1,234,567`, whatever the locale. */
export function grouped(value: number): string {
  return String(value).replaceAll(/\B(?=(\d{3})+$)/g, ',');
}

/** A text of several lines as one: what is wrong with an input is said in one line. */
export function oneLine(text: string): string {
  return text.trim().replaceAll(/\s*\n\s*/g, ' ');
}

/** Shell quoting for commands that are shown to be pasted. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/** How long nothing is shown, and how often it is then brought up to date, in milliseconds. */
const patience = 1_000;
const interval = 200;

/** A line on the terminal while something takes long; nothing elsewhere. */
export class ProgressLine {
  private readonly started = Date.now();
  private shownAt = 0;

  /** Shows how far it is, now and then. */
  show(count: number, what: string, unit = 'events'): void {
    const now = Date.now();
    if (!this.due(now)) return;
    const rate = Math.round((count / (now - this.started)) * 1_000);
    process.stderr.write(`\r\x1b[K${what}: ${grouped(count)} ${unit}, ${grouped(rate)}/s`);
  }

  /** Shows how much of what was asked for is done, and how long the rest takes at most. */
  showOf(done: number, all: number, what: string): void {
    const now = Date.now();
    if (!this.due(now)) return;
    const rate = (done / (now - this.started)) * 1_000;
    const left = Math.ceil((all - done) / rate);
    process.stderr.write(
      `\r\x1b[K${what}: ${grouped(done)} of ${grouped(all)}, ${grouped(Math.round(rate))}/s, ${grouped(left)} s left at most`,
    );
  }

  private due(now: number): boolean {
    if (!process.stderr.isTTY || now - this.started < patience || now - this.shownAt < interval) return false;
    this.shownAt = now;
    return true;
  }

  /** Takes the line away. */
  clear(): void {
    if (this.shownAt !== 0) process.stderr.write('\r\x1b[K');
  }
}
