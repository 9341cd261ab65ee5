/** The user client that several examples share: one asynchronous method that lets the device read or fill a struct. */
import {
  IOUserClient,
  kIOReturnBadArgument,
  kIOReturnSuccess,
  sgDataStart,
  type IOUserClientMethodArguments,
  type Program,
} from 'dextrace';
import type { SgDriver } from './sg-driver.ts';

export const kTransfer = 0;

/** Moves the struct input to the device, or the struct output from it, and completes when that is done. */
export class SendClient extends IOUserClient {
  private readonly driver: SgDriver;

  constructor(driver: SgDriver) {
    super();
    this.driver = driver;
  }

  override ExternalMethod(selector: number, args: IOUserClientMethodArguments): Program<number> {
    return super.ExternalMethod(
      selector,
      args,
      { checkCompletionExists: 1, function: (client: SendClient, _reference, checked) => client.transfer(checked) },
      this,
    );
  }

  private *transfer(args: IOUserClientMethodArguments): Program<number> {
    const action = args.completion!;
    const output = args.structureOutputDescriptor;
    const memory = args.structureInputDescriptor ?? output;
    if (memory === null) return kIOReturnBadArgument;
    // Both are kept beyond this method: the transfer goes on after it.
    yield* action.retain();
    yield* memory.retain();
    const client = this;
    const direction = memory === output ? 'from-device' : 'to-device';
    const ret = yield* this.driver.transfer(memory, direction, sgDataStart, function* (status) {
      yield* memory.release();
      yield* client.AsyncCompletion(action, status);
      yield* action.release();
    });
    if (ret !== kIOReturnSuccess) {
      yield* memory.release();
      yield* action.release();
    }
    return ret;
  }
}
