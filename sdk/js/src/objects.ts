/** Plain objects without the library of ES2015. */

export interface Fields {
  [name: string]: any
}

const own = Object.prototype.hasOwnProperty

export function has(value: any, name: string): boolean {
  return own.call(value, name)
}

export function assign<T>(target: T, source: any): T {
  for (const name in source) if (has(source, name) && source[name] !== undefined) (target as any)[name] = source[name]
  return target
}

export function isObject(value: any): boolean {
  return typeof value === 'object' && value !== null
}

/** Made by `{}`, `JSON.parse` or `Object.create(null)`, also in another realm: no class of anybody. */
export function isPlain(value: any): boolean {
  if (!isObject(value) || Object.prototype.toString.call(value) !== '[object Object]') return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === null || !Object.getPrototypeOf(prototype)
}

export function isArray(value: any): value is any[] {
  return Object.prototype.toString.call(value) === '[object Array]'
}

export function isDate(value: any): value is Date {
  return Object.prototype.toString.call(value) === '[object Date]'
}

export function isRegExp(value: any): value is RegExp {
  return Object.prototype.toString.call(value) === '[object RegExp]'
}

/** The host's global object, or an empty one where none can be reached. */
export function globalObject(): any {
  if (typeof globalThis !== 'undefined') return globalThis
  if (typeof window !== 'undefined') return window
  if (typeof global !== 'undefined') return global
  return {}
}

declare const globalThis: any
declare const window: any
declare const global: any
