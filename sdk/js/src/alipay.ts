/** `my.cloud`: the same client under the names of Alipay's own cloud. */

import { CloudAPI, cloudConstructor } from './cloud'
import { Callbacks } from './calls'
import { Database } from './database/database'
import { BAD_PARAMETER, BAD_TYPE, FUNCTION_FAILED, NETWORK, TIMEOUT } from './errors'
import { Host } from './host'

const BAD_ARGUMENTS = 60001
const NOT_INITIALISED = 60002
const TIMED_OUT = 60003
const NO_NETWORK = 60004
const CALL_FAILED = 60005
const FILE_MISSING = 60006
const FILE_MISSING_NUMBER = -503003

export interface CloudContext {
  init(): Promise<void>
  callFunction(options: any): Promise<any>
  callContainer(options: any): Promise<any>
  uploadFile(options: any): Promise<any>
  downloadFile(options: any): Promise<any>
  getTempFileURL(options: any): Promise<any>
  deleteFile(options: any): Promise<any>
  database(): Database
}

function asAlipay(error: any): any {
  const numbers: { [number: string]: number } = {}
  numbers[BAD_PARAMETER] = numbers[BAD_TYPE] = BAD_ARGUMENTS
  numbers[TIMEOUT] = TIMED_OUT
  numbers[NETWORK] = NO_NETWORK
  numbers[FUNCTION_FAILED] = CALL_FAILED
  numbers[FILE_MISSING_NUMBER] = FILE_MISSING
  const number = numbers[String(error && error.errCode)] || CALL_FAILED
  return refusal(number, String((error && error.errMsg) || error))
}

function refusal(number: number, text: string): any {
  const refused: any = new Error(text)
  refused.error = number
  refused.errorMessage = text
  return refused
}

/** `my.cloud.createCloudContext` for a host. */
export function contextMaker(host: Host): (options?: { env?: string; appId?: string }) => CloudContext {
  const Cloud = cloudConstructor(host)
  return (options = {}) => {
    const cloud: CloudAPI = new Cloud(options)
    let ready = false

    function run(given: any, work: () => Promise<any>): Promise<any> {
      const started = ready
        ? work().then(undefined, (error) => Promise.reject(asAlipay(error)))
        : Promise.reject(refusal(NOT_INITIALISED, 'call init() of the cloud context first / 请先调用 init'))
      return delivered(started, given)
    }

    return {
      init: () => {
        ready = true
        return Promise.resolve()
      },
      callFunction: (given) => run(given, () => cloud.callFunction(bare(given))),
      callContainer: (given) => run(given, () => cloud.callContainer(bare(given))),
      uploadFile: (given) => run(given, () => cloud.uploadFile(bare(given))),
      downloadFile: (given) =>
        run(given, () => cloud.downloadFile(bare(given)).then((done: any) => ({ ...done, filePath: done.tempFilePath }))),
      getTempFileURL: (given) => run(given, () => cloud.getTempFileURL(bare(given)).then(withMessages)),
      deleteFile: (given) => run(given, () => cloud.deleteFile(bare(given)).then(withMessages)),
      database: () => cloud.database(),
    }
  }
}

function bare(given: any): any {
  return { ...given, success: undefined, fail: undefined, complete: undefined }
}

function withMessages(answer: any): any {
  answer.fileList.forEach((item: any) => {
    item.resultMessage = item.errMsg
  })
  answer.resultMessage = 'ok'
  return answer
}

function delivered(started: Promise<any>, given: Callbacks<any> | undefined): Promise<any> {
  const callbacks = given || {}
  if (!callbacks.success && !callbacks.fail && !callbacks.complete) return started
  started.then(
    (value) => {
      if (callbacks.success) callbacks.success(value)
      if (callbacks.complete) callbacks.complete(value)
    },
    (error) => {
      if (callbacks.fail) callbacks.fail(error)
      if (callbacks.complete) callbacks.complete(error)
    },
  )
  return undefined as any
}
