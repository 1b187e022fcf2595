// A Whisper model of 2 MB whose weights are set by hand: whatever it hears, it says the same words. With it the real engine gives exact
// answers, so tests need no download and no tolerance.
//
// How: all blocks have zero weights and pass their input on unchanged (a residual network), so the state of the decoder at position p is
// the token's embedding plus the positional embedding of p. The positional embedding of p is a large value in dimension p, and the token
// that is to follow has its one non-zero embedding in that dimension: it wins at every position, whatever was heard.
import fs from 'node:fs';

/** Dimensions of the state, one per position: begin, words, end of the segment, end of the text. */
const STATE = 16;
const MAX_WORDS = STATE - 3;
const LAYERS = 4; // what the engine takes for the size "tiny"
const HEADS = 2;
const MELS = 80;
const FFT_BINS = 201;
const AUDIO_CONTEXT = 1_500;
const TEXT_CONTEXT = 448;
/** Of the English-only vocabulary: its size and special tokens. https://github.com/openai/whisper/blob/main/whisper/tokenizer.py (read 2026-11-21) */
const VOCABULARY = 51_864;
const END_OF_TEXT = 50_256;
const FIRST_TIMESTAMP = 50_363;
/** One per 20 ms, so this is the end of a window of 30 s. */
const LAST_TIMESTAMP = FIRST_TIMESTAMP + 1_500;
const MAGIC = 0x67676d6c;
const F32 = 0;
const F16 = 1;
const HALF_ONE = 0x3c00;
/** Louder than anything else in the state. */
const LOUD = 100;
const GAIN = 8;

/** Writes the model that hears `sentence` (at most 13 words) in every recording. */
export function writeFixedModel(file: string, sentence: string): void {
  const words = sentence.split(' ').map((word) => ` ${word}`);
  if (words.length > MAX_WORDS) throw new Error(`at most ${MAX_WORDS} words`);
  const spoken = [FIRST_TIMESTAMP, ...words.map((_, index) => index + 1), LAST_TIMESTAMP, END_OF_TEXT];
  const out = new ModelWriter();
  out.integers(MAGIC, VOCABULARY, AUDIO_CONTEXT, STATE, HEADS, LAYERS, TEXT_CONTEXT, STATE, HEADS, LAYERS, MELS, F16);
  out.integers(MELS, FFT_BINS);
  out.bytes(Buffer.alloc(MELS * FFT_BINS * 4));
  // Tokens that are never said need no text.
  out.integers(words.length + 1);
  for (const text of [' ', ...words]) out.text(text);
  writeEncoder(out);
  writeDecoder(out, spoken);
  fs.writeFileSync(file, out.whole());
}

function writeEncoder(out: ModelWriter): void {
  out.tensor('encoder.positional_embedding', F32, [STATE, AUDIO_CONTEXT]);
  out.tensor('encoder.conv1.weight', F16, [3, MELS, STATE]);
  out.tensor('encoder.conv1.bias', F32, [1, STATE]);
  out.tensor('encoder.conv2.weight', F16, [3, STATE, STATE]);
  out.tensor('encoder.conv2.bias', F32, [1, STATE]);
  out.vector('encoder.ln_post.weight', 1);
  out.vector('encoder.ln_post.bias', 0);
  for (let layer = 0; layer < LAYERS; layer++) writeBlock(out, `encoder.blocks.${layer}`, ['attn']);
}

function writeDecoder(out: ModelWriter, spoken: readonly number[]): void {
  out.tensor('decoder.positional_embedding', F32, [STATE, TEXT_CONTEXT], (data) => {
    for (let position = 0; position < TEXT_CONTEXT; position++) {
      const dimension = Math.min(position, spoken.length - 1);
      data.writeFloatLE(LOUD, 4 * (position * STATE + dimension));
    }
  });
  out.tensor('decoder.token_embedding.weight', F16, [STATE, VOCABULARY], (data) => {
    for (const [dimension, token] of spoken.entries()) data.writeUInt16LE(HALF_ONE, 2 * (token * STATE + dimension));
  });
  out.vector('decoder.ln.weight', GAIN);
  out.vector('decoder.ln.bias', 0);
  for (let layer = 0; layer < LAYERS; layer++) writeBlock(out, `decoder.blocks.${layer}`, ['attn', 'cross_attn']);
}

/** One block of the transformer with weights of zero. */
function writeBlock(out: ModelWriter, name: string, attentions: readonly string[]): void {
  out.vector(`${name}.mlp_ln.weight`, 1);
  out.vector(`${name}.mlp_ln.bias`, 0);
  out.tensor(`${name}.mlp.0.weight`, F16, [STATE, 4 * STATE]);
  out.tensor(`${name}.mlp.0.bias`, F32, [4 * STATE]);
  out.tensor(`${name}.mlp.2.weight`, F16, [4 * STATE, STATE]);
  out.vector(`${name}.mlp.2.bias`, 0);
  for (const attention of attentions) {
    out.vector(`${name}.${attention}_ln.weight`, 1);
    out.vector(`${name}.${attention}_ln.bias`, 0);
    for (const part of ['query', 'key', 'value', 'out']) {
      out.tensor(`${name}.${attention}.${part}.weight`, F16, [STATE, STATE]);
      // Keys have no bias.
      if (part !== 'key') out.vector(`${name}.${attention}.${part}.bias`, 0);
    }
  }
}

/** The ggml file format as whisper.cpp reads it: little-endian numbers, texts and tensors with their lengths in front. */
class ModelWriter {
  readonly #parts: Buffer[] = [];

  bytes(data: Buffer): void {
    this.#parts.push(data);
  }

  integers(...values: number[]): void {
    const data = Buffer.alloc(4 * values.length);
    for (const [index, value] of values.entries()) data.writeInt32LE(value, 4 * index);
    this.bytes(data);
  }

  text(text: string): void {
    const data = Buffer.from(text);
    this.integers(data.length);
    this.bytes(data);
  }

  tensor(name: string, type: typeof F32 | typeof F16, sizes: readonly number[], fill?: (data: Buffer) => void): void {
    const label = Buffer.from(name);
    this.integers(sizes.length, label.length, type, ...sizes);
    this.bytes(label);
    const data = Buffer.alloc(sizes.reduce((product, size) => product * size, type === F32 ? 4 : 2));
    fill?.(data);
    this.bytes(data);
  }

  vector(name: string, value: number): void {
    this.tensor(name, F32, [STATE], (data) => {
      for (let at = 0; at < data.length; at += 4) data.writeFloatLE(value, at);
    });
  }

  whole(): Buffer {
    return Buffer.concat(this.#parts);
  }
}
