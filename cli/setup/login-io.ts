// How the terminal asks and shows what a platform's login flow wants.
import type * as Prompts from '@clack/prompts';
import type { LoginIo, LoginStep } from '../../adapters/login.ts';
import { AppError } from '../../shared/errors.ts';
import type { CliContext } from '../context.ts';
import { printable } from '../output.ts';

/** Rejects `cancelled` where the person breaks off. */
export function makeLoginIo(
  context: CliContext,
  prompts: typeof Prompts,
  { current, signal }: Pick<LoginIo, 'current' | 'signal'>,
): LoginIo {
  return {
    async ask({ label, hint, secret, optional, initial, check }) {
      const message = hint === undefined ? label : `${label}\n${hint}`;
      const validate = (text: string | undefined) => {
        if ((text ?? '').trim() === '') return optional ? undefined : 'This must not be empty; Ctrl-C breaks off.';
        return check?.(text ?? '');
      };
      const typed = secret
        ? await prompts.password({ message, validate })
        : await prompts.text({ message, validate, ...(initial === undefined ? {} : { initialValue: initial }) });
      return answered(typed) ?? '';
    },
    async choose({ label, options }) {
      return answered(
        await prompts.select<string>({
          message: label,
          maxItems: 12,
          options: options.map(({ value, label: text, hint }) => ({ value, label: text, ...(hint && { hint }) })),
        }),
      );
    },
    show: (step) => void drawStep(step).then((lines) => context.out(`\n${lines}\n`)),
    say: (text) => prompts.log.info(printable(text)),
    current,
    fetch: context.fetch,
    signal,
  };
}

/** A step as lines of text; a QR code is drawn in half blocks, dark on light, which cameras read on any background. */
export async function drawStep(step: LoginStep): Promise<string> {
  switch (step.kind) {
    case 'qr': {
      const { renderUnicodeCompact } = await import('uqr');
      return `${renderUnicodeCompact(step.data, { border: 2 })}\n${printable(step.caption)}`;
    }
    case 'code':
      return `    ${printable(step.code)}\n\n${printable(step.caption)}`;
    case 'url':
      return `${printable(step.caption)}\n    ${printable(step.url)}`;
    case 'text':
      return `${printable(step.caption)}\n\n${step.text.split('\n').map(printable).join('\n')}`;
  }
}

/** clack answers Ctrl-C with a symbol. */
export function answered<T>(answer: T): Exclude<T, symbol> {
  if (isAnswer(answer)) return answer;
  throw new AppError('cancelled', 'Setup was broken off. What was saved before stays.');
}

function isAnswer<T>(answer: T): answer is Exclude<T, symbol> {
  return typeof answer !== 'symbol';
}
