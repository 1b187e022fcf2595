// The time, which the prompt leaves out so that it stays cacheable.
import { z } from 'zod';
import { defineTool } from './tool.ts';

export const clockTool = defineTool({
  name: 'clock',
  description: 'Current date and time, here or in another time zone.',
  parameters: z.strictObject({
    timezone: z.string().max(64).optional().describe("IANA name; default the person's"),
  }),
  effect: 'pure',
  origin: 'agent',
  toolset: 'core',
  summarize: () => 'looking at the clock',
  async execute({ timezone }, context) {
    const zone = timezone ?? context.timezone;
    const now = context.clock.now();
    try {
      return { text: `${timeText(now, zone)} (${new Date(now).toISOString()})` };
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return { text: `There is no time zone "${zone}". Use an IANA name such as Europe/Vienna.`, isError: true };
    }
  },
});

/** Such as "Saturday, 21 November 2026 at 13:00, Europe/Vienna, GMT+1". Throws RangeError for an unknown zone. */
function timeText(now: number, timeZone: string): string {
  const format = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat('en-GB', { timeZone, ...options });
  const date = format({ weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' }).format(now);
  const time = format({ hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(now);
  const offset = format({ timeZoneName: 'shortOffset' })
    .formatToParts(now)
    .find((part) => part.type === 'timeZoneName')?.value;
  return `${date} at ${time}, ${timeZone}${offset === undefined ? '' : `, ${offset}`}`;
}
