// The picture of the insights: what each day took, as bars, and what it went to. A PNG, so that every chat shows it.
import { makeCanvas, textWidth, type Canvas } from './canvas.ts';
import type { Insights, Share } from './insights.ts';
import { encodePng } from './png.ts';

const WIDTH = 900;
const HEIGHT = 520;
const MARGIN = 40;
const CHART = { top: 120, bottom: 330 };
const SHARES_TOP = 400;
const MAX_SHARES = 4;
const LINE = 28;

const PALETTE = [0xffffff, 0x1f2933, 0x7b8794, 0xe4e7eb, 0x2f6fde, 0x8ab4f8, 0x12a150] as const;
const INK = 1;
const FAINT = 2;
const GRID = 3;
const BAR = 4;
const LIGHT_BAR = 5;
const GOOD = 6;

/** Bars show money where any was spent, else tokens. */
export function drawInsights(insights: Insights): Uint8Array {
  const canvas = makeCanvas(WIDTH, HEIGHT, PALETTE);
  const isMoney = insights.total.microUsd > 0;
  drawHead(canvas, insights);
  drawDays(canvas, insights, isMoney);
  drawShares(canvas, 'Models', insights.models, { x: MARGIN, isMoney });
  drawShares(canvas, 'Used for', insights.causes, { x: WIDTH / 2 + MARGIN / 2, isMoney });
  return encodePng(canvas);
}

function drawHead(canvas: Canvas, { total, work, days, from, to, timezone }: Insights): void {
  const day = new Intl.DateTimeFormat('en-CA', { timeZone: timezone });
  canvas.text(days.length === 1 ? 'Today' : `Last ${days.length} days`, { x: MARGIN, y: 28, scale: 3 }, INK);
  canvas.text(
    `${day.format(from)} to ${day.format(to - 1)}`,
    { x: WIDTH - MARGIN, y: 34, scale: 2, align: 'right' },
    FAINT,
  );
  const done = work.turns['done'] ?? 0;
  const parts = [`${short(total.calls)} model calls`, `${short(total.tokens)} tokens`, `${short(done)} answers`];
  canvas.text(parts.join('   '), { x: MARGIN, y: 72, scale: 2 }, INK);
  const cost = total.microUsd > 0 ? dollars(total.microUsd) : total.unpriced > 0 ? 'price not known' : 'no cost';
  canvas.text(cost, { x: WIDTH - MARGIN, y: 72, scale: 2, align: 'right' }, total.microUsd > 0 ? BAR : GOOD);
}

function drawDays(canvas: Canvas, { days, timezone }: Insights, isMoney: boolean): void {
  const value = (day: (typeof days)[number]) => (isMoney ? day.microUsd : day.tokens);
  const most = Math.max(1, ...days.map(value));
  const height = CHART.bottom - CHART.top;
  const label = (amount: number) => (isMoney ? dollars(amount) : short(amount));
  const left = MARGIN + textWidth(label(most), 2) + 10;
  for (const share of [0, 0.5, 1]) {
    const y = CHART.bottom - share * height;
    canvas.fill({ x: left, y, width: WIDTH - MARGIN - left, height: 1 }, GRID);
    canvas.text(label(most * share), { x: left - 8, y: y - 7, align: 'right' }, FAINT);
  }
  const slot = (WIDTH - MARGIN - left) / days.length;
  const name = new Intl.DateTimeFormat('en-GB', {
    timeZone: timezone,
    ...(days.length <= 7 ? { weekday: 'short' } : { day: 'numeric' }),
  });
  const every = Math.ceil((textWidth('30') + 10) / slot);
  for (const [i, day] of days.entries()) {
    const tall = Math.max(value(day) > 0 ? 2 : 0, (value(day) / most) * height);
    const x = left + i * slot + slot * 0.15;
    const colour = i === days.length - 1 ? BAR : LIGHT_BAR;
    canvas.fill({ x, y: CHART.bottom - tall, width: Math.max(1, slot * 0.7), height: tall }, colour);
    if (i % every === 0) canvas.text(name.format(day.start), { x, y: CHART.bottom + 12 }, FAINT);
  }
}

function drawShares(
  canvas: Canvas,
  title: string,
  shares: readonly Share[],
  { x, isMoney }: { x: number; isMoney: boolean },
): void {
  const width = WIDTH / 2 - MARGIN * 1.5;
  canvas.text(title, { x, y: SHARES_TOP - LINE }, INK);
  const value = (share: Share) => (isMoney ? share.microUsd : share.tokens);
  const most = Math.max(1, ...shares.map(value));
  for (const [i, share] of shares.slice(0, MAX_SHARES).entries()) {
    const y = SHARES_TOP + i * LINE;
    canvas.fill({ x, y: y + 16, width: Math.max(1, (value(share) / most) * width), height: 4 }, LIGHT_BAR);
    const amount = isMoney ? dollars(share.microUsd) : short(share.tokens);
    canvas.text(amount, { x: x + width, y, align: 'right' }, FAINT);
    canvas.text(fit(share.name, width - textWidth(amount) - 12), { x, y }, INK);
  }
}

function fit(name: string, width: number): string {
  const most = Math.floor(width / textWidth('x'));
  return name.length <= most ? name : `${name.slice(0, most - 2)}..`;
}

/** Such as 1.2k and 3.4M. */
function short(count: number): string {
  if (count >= 1e6) return `${(count / 1e6).toFixed(1)}M`;
  return count >= 1e3 ? `${(count / 1e3).toFixed(1)}k` : String(Math.round(count));
}

function dollars(microUsd: number): string {
  const usd = microUsd / 1e6;
  return `$${usd >= 100 ? usd.toFixed(0) : usd >= 0.1 || usd === 0 ? usd.toFixed(2) : usd.toFixed(4)}`;
}
