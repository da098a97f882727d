/** Values of documents: what is sent, and what the application gets back. */

import { BAD_TYPE, CIRCULAR, failure } from '../errors'
import { Fields, has, isArray, isDate, isObject, isPlain, isRegExp } from '../objects'
import { fromJson, Geometry, isGeoJson } from './geo'

export class ServerDate {
  constructor(readonly offset: number) {}
}

/** A regular expression that may use flags which JavaScript does not have (`s`, `x`). */
export class DatabaseRegExp {
  constructor(
    readonly regexp: string,
    readonly options: string,
  ) {}
}

/** Command objects say what they are themselves; they cannot be stored. */
export interface Marked {
  readonly command: string
}

export function isCommand(value: any): value is Marked {
  return isObject(value) && typeof value.command === 'string' && !isPlain(value)
}

/** Objects that conditions and updates look into, in contrast to those that are values. */
export function isNest(value: any): boolean {
  return isPlain(value) && Object.keys(value).length > 0
}

export function encode(value: any): any {
  return encodeIn(value, [])
}

function encodeIn(value: any, above: any[]): any {
  if (typeof value === 'number' && !isFinite(value)) throw failure(BAD_TYPE, 'a number must be finite, not ' + value)
  if (typeof value === 'function' || typeof value === 'symbol') throw failure(BAD_TYPE, 'cannot store a ' + typeof value)
  if (!isObject(value)) return value
  const special = encodeSpecial(value)
  if (special) return special
  if (above.indexOf(value) >= 0) throw failure(CIRCULAR, 'the data has a circular reference / 数据存在循环引用')
  above.push(value)
  const encoded = isArray(value) ? value.map((item) => encodeItem(item, above)) : encodeFields(value, above)
  above.pop()
  return encoded
}

function encodeItem(item: any, above: any[]): any {
  return item === undefined ? null : encodeIn(item, above)
}

function encodeFields(value: any, above: any[]): Fields {
  const fields: Fields = {}
  for (const name in value) if (has(value, name) && value[name] !== undefined) fields[name] = encodeIn(value[name], above)
  return fields
}

function encodeSpecial(value: any): Fields | null {
  if (isDate(value)) return { $date: value.getTime() }
  if (isRegExp(value)) return { $regex: value.source, $options: flagsOf(value) }
  if (value instanceof DatabaseRegExp) return { $regex: value.regexp, $options: value.options }
  if (value instanceof ServerDate) return { $date: { offset: value.offset } }
  if (value instanceof Geometry) return value.toJSON()
  if (isCommand(value)) throw failure(BAD_TYPE, 'the command ' + value.command + ' cannot be used here')
  return null
}

function flagsOf(value: RegExp): string {
  return (value.ignoreCase ? 'i' : '') + (value.multiline ? 'm' : '')
}

export function decode(value: any): any {
  if (isArray(value)) return value.map(decode)
  if (!isObject(value)) return value
  const names = Object.keys(value)
  if (names.length > 0 && names.length <= 2 && names[0].charAt(0) === '$') {
    const special = decodeSpecial(value, names[0])
    if (special !== undefined) return special
  }
  if (names.length === 2 && isGeoJson(value)) return fromJson(value)
  const fields: Fields = {}
  names.forEach((name) => {
    fields[name] = decode(value[name])
  })
  return fields
}

function decodeSpecial(value: any, name: string): any {
  const body = value[name]
  switch (name) {
    case '$date':
      return new Date(isObject(body) ? Number(body.$numberLong) : body)
    case '$numberInt':
    case '$numberLong':
    case '$numberDouble':
    case '$numberDecimal':
      return Number(body)
    case '$oid':
      return body
    case '$regex':
      return new DatabaseRegExp(body, value.$options || '')
    case '$regularExpression':
      return new DatabaseRegExp(body.pattern, body.options || '')
    default:
      return undefined
  }
}
