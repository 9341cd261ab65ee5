/** What a dext holds: objects with reference counts, and plain data. */
import { Crash, inKernel, now, type Operation, type Program } from '../operation.ts';
import { mustLive, retain } from '../iokit/references.ts';
import { holding, release } from '../iokit/release.ts';

/** A reference-counted object of the kernel, as the dext sees it. */
export abstract class OSObject {
  /** Its kernel object number. */
  readonly id: number;

  constructor(id: number) {
    this.id = id;
  }

  /** Keeps the object beyond the method it was passed to (facts §3.5). */
  retain(): Program | Operation<void> {
    return retain(this.id, this.constructor.name);
  }

  /** Gives a reference back; the last one frees the object. */
  release(): Program {
    return inKernel(release(this.id, this.constructor.name));
  }

  /**
   * A call into the kernel on this object: it and the other objects of the call stay until it returns.
   * @throws {Crash} in the program, when one of them was freed
   */
  protected calling<R>(program: Program<R> | Operation<R>, ...others: readonly (OSObject | null)[]): Program<R> {
    const objects = [this, ...others].filter((object) => object !== null);
    return holding(
      objects.map((object) => ({ id: object.id, what: object.constructor.name })),
      program,
    );
  }

  /**
   * The dext is about to use the object.
   * @throws {Crash} in the program, when it was freed
   */
  protected used(): Operation<void> {
    return now((step) => mustLive(step, this.id, this.constructor.name));
  }
}

/** `OSData`: bytes of its own, private to the dext. */
export class OSData {
  private readonly bytes: Uint8Array;

  private constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** Makes an OSData with a copy of the bytes. */
  static withBytes(bytes: Uint8Array): OSData {
    return new OSData(bytes.slice());
  }

  getLength(): number {
    return this.bytes.length;
  }

  /** The bytes themselves; nobody else can see or change them. */
  getBytesNoCopy(offset = 0, length: number = this.bytes.length - offset): Uint8Array {
    return this.bytes.subarray(offset, offset + length);
  }
}

/** Dereferencing NULL in the dext. */
export function mustNotBeNull<T>(value: T | null | undefined, what: string): T {
  if (value === null || value === undefined) throw new Crash(`EXC_BAD_ACCESS: ${what} is NULL`, 'null-argument');
  return value;
}
