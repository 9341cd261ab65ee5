import type { FieldType } from '../core/catalogue.ts';
import { codeName } from '../core/code-names.ts';
import { kindOf, type AnyEvent } from '../core/events.ts';
import { hex, hexBytes } from '../core/units.ts';

/** A field's value as people read it. */
export function formatValue(type: FieldType, value: unknown): string {
  if (typeof type !== 'string') return String(value);
  switch (type) {
    case 'address':
    case 'hex':
      return hex(value as number);
    case 'u64':
      return hex(value as bigint);
    case 'code':
      return codeName(value as number);
    case 'data':
      return hexBytes(value as Uint8Array);
    default:
      return String(value);
  }
}

/** An event as a sentence, from its kind's template. */
export function formatEvent(event: AnyEvent): string {
  const { text, fields } = kindOf(event.kind);
  const values = event as unknown as Record<string, unknown>;
  return text.replaceAll(/\{(\w+)\}/g, (_, name: string) => formatValue(fields[name]!, values[name]));
}

/** Text with the paths below the current folder written from there: shorter, and the same for everybody. */
export function fromHere(text: string): string {
  return text.replaceAll(`${process.cwd()}/`, '');
}
