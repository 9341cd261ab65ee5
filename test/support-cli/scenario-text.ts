/** Source texts of small scenarios: the same text is TypeScript and JavaScript. */

export interface TextParts {
  /** Lines after the imports. */
  readonly head?: string;
  /** The members of the scenario object. */
  readonly device?: string;
  readonly dext?: string;
  readonly more?: string;
  /** The app's function, whole. */
  readonly app?: string;
  /** The body of the app's generator function, in place of `app`. */
  readonly body?: string;
}

const defaultBody = `
    const buffer = yield* app.malloc(size);
    yield* app.memset(buffer, 1, size);
    yield* app.memset(buffer, 2, size);
    yield* app.free(buffer);
`;

/** A scenario whose app never calls its driver; each part can be replaced. */
export function scenarioText(parts: TextParts = {}): string {
  const { head = '', device = 'device: sgEngine(),', dext = 'dext: () => new Driver(),', more = '' } = parts;
  const app = parts.app ?? `*app(app, { size }) {${parts.body ?? defaultBody}  },`;
  return `import { IOService, IOUserClient, note, scenario, sgEngine } from 'dextrace';
${head}
class Client extends IOUserClient {}

class Driver extends IOService {
  *Start() {
    return yield* this.RegisterService();
  }

  *NewUserClient() {
    return yield* this.Create(new Client());
  }
}

export default scenario({
  title: 'A small scenario',
  options: { size: 256 },
  ${device}
  ${dext}
  ${more}
  ${app}
});
`;
}
