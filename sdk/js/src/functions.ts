/** Calling functions. */

import { BAD_TYPE, CIRCULAR, failure, FUNCTION_FAILED } from './errors'
import { CDNTarget, publishMarkers } from './markers'
import { isObject, isPlain, isArray, has } from './objects'
import { Transport } from './transport'

export interface CallFunctionOptions {
  name: string
  data?: any
  config?: { env?: string }
  slow?: boolean
}

export interface CallFunctionResult {
  result: any
  requestID: string
  errMsg: string
}

export function callFunction(
  transport: Transport,
  options: CallFunctionOptions,
  publish: (target: CDNTarget) => Promise<string>,
): Promise<CallFunctionResult> {
  if (!options || typeof options.name !== 'string' || !options.name) {
    return Promise.reject(failure(BAD_TYPE, 'parameter.name should be a non-empty string'))
  }
  if (isCircular(options.data, [])) {
    return Promise.reject(failure(CIRCULAR, 'the data has a circular reference / data 存在循环引用'))
  }
  return publishMarkers(options.data, publish).then((data) => {
    const params = { function_name: options.name, request_data: data === undefined ? '' : JSON.stringify(data, asJson) }
    return transport.call('functions.invokeFunction', params).then(
      (answer) => ({ result: resultOf(answer.data), requestID: String(answer.requestId), errMsg: '' }),
      (reason) => {
        throw asClient(reason)
      },
    )
  })
}

function resultOf(data: any): any {
  const text = data && data.response_data
  if (typeof text !== 'string') return text === undefined ? null : text
  return text ? JSON.parse(text) : null
}

/** What functions see of bytes is what Node.js makes of a Buffer. */
function asJson(_name: string, value: any): any {
  if (Object.prototype.toString.call(value) !== '[object ArrayBuffer]') return value
  return { type: 'Buffer', data: Array.prototype.slice.call(new Uint8Array(value)) }
}

/** The mini-program client reports a function's failure under a number and in words of its own. */
function asClient(reason: any): any {
  if (!reason || (reason.number !== -504002 && reason.number !== -504003)) return reason
  const words = 'requestID ' + reason.requestID + ', cloud function service error code ' + reason.number
  const text = words + ', error message ' + reason.text + '; at cloud.callFunction api;'
  return failure(FUNCTION_FAILED, text, reason.code, reason.requestID)
}

export function isCircular(value: any, above: any[]): boolean {
  if (!isObject(value) || !(isPlain(value) || isArray(value))) return false
  if (above.indexOf(value) >= 0) return true
  above.push(value)
  for (const name in value) if (has(value, name) && isCircular(value[name], above)) return true
  above.pop()
  return false
}
