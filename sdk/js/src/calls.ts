/** The calling convention: an object with `success`, `fail` or `complete` means callbacks, anything else a promise. */

import { cloudError } from './errors'

export interface Callbacks<T> {
  success?: (result: T) => void
  fail?: (error: any) => void
  complete?: (result: any) => void
}

export function hasCallbacks(options: any): boolean {
  if (!options) return false
  return (
    typeof options.success === 'function' || typeof options.fail === 'function' || typeof options.complete === 'function'
  )
}

/** Errors of the application's callbacks are the application's: they must not look like a failed call. */
function later(callback: ((value: any) => void) | undefined, value: any): void {
  if (typeof callback === 'function') setTimeout(() => callback(value), 0)
}

/**
 * Run `work` for the API called `api` and hand its result over in the style that `options` ask for.
 *
 * The result gets its `errMsg`; a failure becomes an error with `errCode` and `errMsg`.
 */
export function settle<T>(api: string, options: any, work: () => Promise<T>): Promise<T & { errMsg: string }> {
  let started: Promise<T>
  try {
    started = work()
  } catch (error) {
    started = Promise.reject(error)
  }
  const result: Promise<any> = started.then(
    (value: any) => {
      value.errMsg = api + ':ok'
      return value
    },
    (reason) => {
      throw cloudError(reason, api)
    },
  )
  if (!hasCallbacks(options)) return result
  result.then(
    (value) => {
      later(options.success, value)
      later(options.complete, value)
    },
    (error) => {
      later(options.fail, error)
      later(options.complete, error)
    },
  )
  return undefined as any
}

declare function setTimeout(callback: () => void, delay: number): any
