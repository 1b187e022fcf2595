// Settings of the browser tools, as they stand in config.yaml.
import { z } from 'zod';

export const browserSchema = z.strictObject({
  executable: z
    .string()
    .regex(/^\//, 'write an absolute path')
    .optional()
    .describe('Chromium or Chrome. Default: the first one that is found on this machine.'),
  cdp_url: z
    .string()
    .regex(/^(https?|wss?):\/\/[^\s/]/, 'write an address such as http://127.0.0.1:9222')
    .optional()
    .describe('A browser that runs already, with remote debugging. Default: Herald starts one of its own.'),
  sandbox: z
    .boolean()
    .default(true)
    .describe("Chromium's own sandbox. Off, a broken page can do what Herald's user can. Default true."),
  idle_ms: z
    .int()
    .min(5_000)
    .max(3_600_000)
    .default(120_000)
    .describe('After this time without use it is closed, in ms. Default 120000.'),
  timeout_ms: z
    .int()
    .min(1_000)
    .max(120_000)
    .default(20_000)
    .describe('How long opening a page may take, in ms. Default 20000.'),
  max_sessions: z
    .int()
    .min(1)
    .max(20)
    .default(4)
    .describe('People and groups that may browse at the same time. Default 4.'),
});

export type BrowserSettings = z.infer<typeof browserSchema>;
