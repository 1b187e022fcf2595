// Parameters of one call, read the way the real server reads them: from text, leniently, with its own words for what is wrong.
import { ApiError, badRequest, isRecord, parseJson, type ApiRequest } from './http.ts';

/** Empty when left out. */
export function readText(request: ApiRequest, name: string): string {
  return request.fields.get(name) ?? '';
}

/** Undefined when left out or no whole number. */
export function readInteger(request: ApiRequest, name: string): number | undefined {
  const text = request.fields.get(name)?.trim();
  if (text === undefined || !/^-?\d{1,16}$/.test(text)) return undefined;
  return Number(text);
}

export function readFlag(request: ApiRequest, name: string): boolean {
  return /^(true|yes|1)$/i.test(request.fields.get(name)?.trim() ?? '');
}

/** A list or an object; undefined when left out. @throws ApiError 400 when it is no JSON. */
export function readJson(request: ApiRequest, name: string): unknown {
  const text = request.fields.get(name);
  if (text === undefined || text === '') return undefined;
  const value = parseJson(text);
  if (value === undefined) throw badRequest(`can't parse ${name.replaceAll('_', ' ')} JSON object`);
  return value;
}

/** @throws ApiError 400 when it is something else. */
export function readRecord(request: ApiRequest, name: string): Record<string, unknown> | undefined {
  const value = readJson(request, name);
  if (value === undefined) return undefined;
  if (!isRecord(value)) throw badRequest(`object expected as ${name.replaceAll('_', ' ')}`);
  return value;
}

/** @throws ApiError 400 when it is something else. */
export function readList(request: ApiRequest, name: string): readonly unknown[] | undefined {
  const value = readJson(request, name);
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) throw badRequest(`expected an Array of ${name.replaceAll('_', ' ')}`);
  const list: readonly unknown[] = value;
  return list;
}

/** @throws ApiError 400 when it is missing. */
export function needInteger(request: ApiRequest, name: string, complaint: string): number {
  const value = readInteger(request, name);
  if (value === undefined) throw badRequest(complaint);
  return value;
}

export function notFound(): ApiError {
  return new ApiError(404, 'Not Found');
}
