// The process: its HTTP server, who may talk to it, how messages are taken and answered.
import { z } from 'zod';
import { textList } from './values.ts';

const HOUR_MS = 3_600_000;

export const gatewaySettings = z.strictObject({
  host: z
    .string()
    .min(1)
    .default('127.0.0.1')
    .describe('Address that the HTTP server listens on. Default 127.0.0.1: this machine only.'),
  port: z
    .int()
    .min(0)
    .max(65_535)
    .default(7420)
    .describe('Port of the HTTP server; 0 takes any free one. Default 7420.'),
  allowed_hosts: textList('Host names under which the HTTP server may be called besides loopback names. Default: [].'),
  allowed_users: textList('User ids that may talk on every platform without pairing. Default: [].'),
  allow_all_users: z
    .boolean()
    .default(false)
    .describe('Lets everybody talk on every platform without pairing. Default false.'),
  max_concurrent_turns: z
    .int()
    .min(1)
    .max(1000)
    .default(4)
    .describe('Turns that run at the same time, over all sessions. Default 4.'),
  debounce_ms: z
    .int()
    .min(0)
    .max(60_000)
    .default(600)
    .describe('How long a burst of messages is collected before it is answered, in ms. Default 600.'),
  queue_mode: z
    .enum(['queue', 'steer', 'collect', 'interrupt'])
    .default('queue')
    .describe('What a message during a turn does, unless the chat chose otherwise. Default queue.'),
  receipts: z
    .boolean()
    .default(false)
    .describe('A message gets a reaction while I work on it, where the platform has reactions. Default false.'),
  turn_timeout_ms: z
    .int()
    .min(1000)
    .max(24 * HOUR_MS)
    .default(4 * HOUR_MS)
    .describe('Longest turn, waiting for your answers included, in ms. Default 14400000 (4 hours).'),
  answer_ttl_hours: z
    .number()
    .positive()
    .max(720)
    .default(24)
    .describe('How old an unsent answer may be and still be sent, in hours. Default 24.'),
  backfill_hours: z
    .number()
    .positive()
    .max(720)
    .default(24)
    .describe('How old a message may be that came while Herald was away and is still read, in hours. Default 24.'),
  backfill_messages: z
    .int()
    .min(1)
    .max(10_000)
    .default(200)
    .describe('Most messages of one chat that are read after Herald was away, the latest ones. Default 200.'),
  max_upload_mb: z
    .number()
    .positive()
    .max(2048)
    .default(50)
    .describe('Largest file that is taken in, in MB (1024 * 1024 bytes). Default 50.'),
  drain_ms: z
    .int()
    .min(0)
    .max(600_000)
    .default(10_000)
    .describe('How long a stopping gateway waits for running turns, in ms. Default 10000.'),
});
