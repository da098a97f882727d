/** Errors as `wx.cloud` reports them: a number, an English name, and the API that failed. */

export interface CloudError extends Error {
  errCode: number
  errMsg: string
  requestID?: string
}

export const GENERIC = -1
export const NO_PERMISSION = -401001
export const BAD_PARAMETER = -401002
export const BAD_TYPE = -401003
export const CIRCULAR = -402001
export const WATCH_INIT = -402002
export const WATCH_RECONNECT = -402003
export const WATCH_REBUILD = -402004
export const WATCH_SERVER = -402006
export const FUNCTION_FAILED = -404011
export const SYSTEM = -501001
export const TIMEOUT = -501002
export const NETWORK = -601003

const NAMES: { [number: string]: string } = {
  '-1': 'generic error',
  '-401001': 'api permission denied',
  '-401002': 'api parameter error',
  '-401003': 'api parameter type error',
  '-402001': 'circular reference',
  '-402002': 'realtime listener init watch fail',
  '-402003': 'realtime listener reconnect watch fail',
  '-402004': 'realtime listener rebuild watch fail',
  '-402005': 'realtime listener close watch fail',
  '-402006': 'realtime listener server error msg',
  '-402007': 'realtime listener receive invalid server data',
  '-402008': 'realtime listener websocket connection error',
  '-402009': 'realtime listener websocket connection closed',
  '-402010': 'realtime listener check last fail',
  '-402011': 'realtime listener unexpected fatal error',
  '-403001': 'max upload file size exceeded',
  '-404011': 'cloud function execution error',
  '-501000': 'resource error',
  '-501001': 'resource system error',
  '-501002': 'resource server timeout',
  '-501003': 'exceed request limit',
  '-501004': 'exceed concurrent request limit',
  '-501005': 'invalid env',
  '-501006': 'invalid common parameters',
  '-501007': 'invalid parameters',
  '-501008': 'invalid request source',
  '-501009': 'resource not initialized',
  '-501015': 'database read quota used up',
  '-501016': 'database write quota used up',
  '-501017': 'disk full',
  '-501023': 'exceed authority',
  '-502001': 'database request fail',
  '-502002': 'database invalid command',
  '-502003': 'database permission denied',
  '-502004': 'database exceed collection limit',
  '-502005': 'database collection not exists',
  '-503001': 'storage request fail',
  '-503002': 'storage permission denied',
  '-503003': 'storage file not exists',
  '-503004': 'storage invalid sign parameter',
  '-504001': 'functions request fail',
  '-504002': 'functions execute fail',
  '-504003': 'functions time limit exceeded',
  '-601003': 'network error',
  '-601013': 'no permission on the shared environment',
  '-601015': 'access denied (cloudbase_auth returns empty errCode)',
  '-601016': 'shared environment not found',
  '-601017': 'access denied (cloudbase_auth returns non-zero errCode)',
  '-601022': 'calling cloudbase_auth failed',
  '-601023': 'cloudbase_auth returns a bad reply',
  '-602001': 'query result exceeds limit',
  '-604001': 'function result exceeds limit',
  '-604100': 'api not found',
}

const NUMBERS: { [code: string]: number } = {
  CROSS_ACCOUNT_DENIED: -601013,
  CLOUDBASE_AUTH_EMPTY: -601015,
  CROSS_ACCOUNT_NO_ENV: -601016,
  CLOUDBASE_AUTH_REFUSED: -601017,
  CLOUDBASE_AUTH_FAILED: -601022,
  CLOUDBASE_AUTH_BAD_REPLY: -601023,
  EXCEED_AUTHORITY: -501023,
  SYS_ERR: -501001,
  SERVER_TIMEOUT: -501002,
  EXCEED_REQUEST_LIMIT: -501003,
  EXCEED_RATELIMIT: -501003,
  EXCEED_REQUEST_SIZE_LIMIT: -501003,
  EXCEED_CONCURRENT_REQUEST_LIMIT: -501004,
  INVALIID_ENV: -501005,
  INVALID_ENV: -501005,
  INVALID_COMMON_PARAM: -501006,
  INVALID_PARAM: -501007,
  INVALID_REQUEST_SOURCE: -501008,
  RESOURCE_NOT_INITIAL: -501009,
  DATABASE_REQUEST_FAILED: -502001,
  DATABASE_INVALID_OPERRATOR: -502002,
  DATABASE_PERMISSION_DENIED: -502003,
  COLLECTION_PERMISSION_DENIED: -502003,
  DATABASE_COLLECTION_EXCEED_LIMIT: -502004,
  DATABASE_COLLECTION_NOT_EXIST: -502005,
  STORAGE_REQUEST_FAIL: -503001,
  STORAGE_EXCEED_AUTHORITY: -503002,
  STORAGE_FILE_NONEXIST: -503003,
  STORAGE_SIGN_PARAM_INVALID: -503004,
  FUNCTION_NOT_FOUND: -501000,
  FUNCTIONS_REQUEST_FAIL: -504001,
  FUNCTIONS_EXECUTE_FAIL: -504002,
  FUNCTION_INVOCATION_FAILED: -504002,
  FUNCTIONS_TIME_LIMIT_EXCEEDED: -504003,
  FUNCTION_TIME_LIMIT_EXCEEDED: -504003,
  PERMISSION_DENIED: -401001,
  CHECK_LOGIN_FAILED: -401001,
  ACCESS_TOKEN_EXPIRED: -401001,
  AUTH_LOGIN_FAILED: -401001,
}

/** The number for a code of the server; families without a number of their own get their family's first. A used up quota
 *  has its own in its message, because the code is one for all. */
export function numberOf(code: string, message = ''): number {
  const quota = /^\[(-5010\d\d)\] /.exec(message)
  if (quota) return Number(quota[1])
  if (NUMBERS[code]) return NUMBERS[code]
  if (code.indexOf('DATABASE_') === 0) return -502001
  if (code.indexOf('STORAGE_') === 0) return -503001
  if (code.indexOf('FUNCTION') === 0) return -504001
  return SYSTEM
}

/** What went wrong, before it is known for which API. An error by itself, for calls that throw at once. */
export interface Failure extends CloudError {
  failure: true
  number: number
  text: string
  code?: string
}

export function failure(number: number, text: string, code?: string, requestID?: string): Failure {
  const made = errorOf(number, text, text) as Failure
  made.failure = true
  made.number = number
  made.text = text
  made.code = code
  made.requestID = requestID
  return made
}

function textOf(reason: any): string {
  if (reason && typeof reason.errMsg === 'string') return reason.errMsg
  if (reason && typeof reason.errorMessage === 'string') return reason.errorMessage
  if (reason && typeof reason.message === 'string') return reason.message
  return String(reason)
}

/** Whatever was thrown, as the error that the caller of `api` gets. */
export function cloudError(reason: any, api: string): CloudError {
  const isFailure = !!reason && reason.failure === true
  if (!isFailure && reason && typeof reason.errCode === 'number' && typeof reason.errMsg === 'string' && reason.message) {
    return reason
  }
  const known: Failure = isFailure ? reason : failure(GENERIC, textOf(reason))
  const isPlain = known.number === GENERIC || known.number === FUNCTION_FAILED
  const error = errorOf(known.number, known.text, '')
  error.errMsg = api + ':fail ' + (isPlain ? known.text : 'Error: ' + error.message)
  if (known.requestID) error.requestID = known.requestID
  return error
}

function errorOf(number: number, text: string, errMsg: string): CloudError {
  const name = NAMES[String(number)] || ''
  const error = new Error('errCode: ' + number + ' ' + name + ' | errMsg: ' + text) as CloudError
  error.errCode = number
  error.errMsg = errMsg
  return error
}
