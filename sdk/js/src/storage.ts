/** Files: upload, download, addresses, deletion. */

import { BAD_PARAMETER, BAD_TYPE, failure, numberOf } from './errors'
import { Fields, has, isArray } from './objects'
import { RunningTransfer } from './transfer'
import { Transport } from './transport'

const MOST_FILES = 50
const DOWNLOAD_SECONDS = 600
const SUCCESS = 'SUCCESS'

export interface UploadFileOptions {
  cloudPath: string
  filePath: any
  header?: { [name: string]: string }
  config?: { env?: string }
}

export interface FileItem {
  fileID: string
  tempFileURL: string
  maxAge: number
  status: number
  errMsg: string
}

export function uploadFile(
  transport: Transport,
  options: UploadFileOptions,
  transfer: RunningTransfer,
): Promise<{ fileID: string; statusCode: number }> {
  const { cloudPath, filePath } = options || ({} as UploadFileOptions)
  if (typeof cloudPath !== 'string' || !cloudPath) {
    return Promise.reject(failure(BAD_TYPE, 'parameter.cloudPath should be a non-empty string'))
  }
  if (!filePath) return Promise.reject(failure(BAD_TYPE, 'parameter.filePath should be given'))
  // With `post` the address itself carries the ticket: hosts do not agree on the order of a form's fields.
  const asked = transport.call('storage.getUploadMetadata', { path: cloudPath, method: 'post' })
  const done = asked.then((answer) => {
    if (transfer.aborted) return Promise.reject(failure(-1, 'abort'))
    const upload = {
      url: answer.data.url,
      file: filePath,
      name: cloudPath,
      fields: { success_action_status: '200' },
      headers: options.header || {},
    }
    return transport.host.upload(upload, transfer).then((statusCode) => {
      if (statusCode < 200 || statusCode > 299) {
        throw failure(numberOf('STORAGE_REQUEST_FAIL'), 'the upload was answered with HTTP ' + statusCode)
      }
      return { fileID: String(answer.data.fileId), statusCode }
    })
  })
  return transfer.during(done)
}

export function downloadFile(
  transport: Transport,
  options: { fileID: string },
  transfer: RunningTransfer,
): Promise<{ tempFilePath: string; statusCode: number }> {
  if (!options || typeof options.fileID !== 'string' || !options.fileID) {
    return Promise.reject(failure(BAD_TYPE, 'parameter.fileID should be a non-empty string'))
  }
  const asked = links(transport, [{ fileid: options.fileID, max_age: DOWNLOAD_SECONDS }])
  const done = asked.then((items) => {
    if (items[0].code !== SUCCESS) throw failure(numberOf(items[0].code), textOf(items[0]), items[0].code)
    return transport.host.download(items[0].tempFileURL, transfer).then((answer) => {
      if (answer.status < 200 || answer.status > 299) {
        throw failure(numberOf('STORAGE_REQUEST_FAIL'), 'the download was answered with HTTP ' + answer.status)
      }
      return { tempFilePath: answer.path, statusCode: answer.status }
    })
  })
  return transfer.during(done)
}

export function getTempFileURL(transport: Transport, fileList: any): Promise<{ fileList: FileItem[] }> {
  const wrong = wrongList(fileList)
  if (wrong) return Promise.reject(wrong)
  const asked = fileList.map((item: any) => {
    if (typeof item === 'string') return { fileid: item }
    return item.maxAge === undefined ? { fileid: item.fileID } : { fileid: item.fileID, max_age: item.maxAge }
  })
  return links(transport, asked).then((items) => ({
    fileList: items.map((item) => ({
      fileID: item.fileID,
      tempFileURL: item.tempFileURL || '',
      maxAge: item.maxAge || 0,
      status: statusOf(item),
      errMsg: textOf(item),
    })),
  }))
}

export function deleteFile(
  transport: Transport,
  fileList: any,
): Promise<{ fileList: { fileID: string; status: number; errMsg: string }[] }> {
  const wrong = wrongList(fileList)
  if (wrong) return Promise.reject(wrong)
  return transport.call('storage.batchDeleteFile', { fileid_list: fileList }).then((answer) => ({
    fileList: answer.data.delete_list.map((item: Fields) => ({
      fileID: item.fileID,
      status: statusOf(item),
      errMsg: textOf(item),
    })),
  }))
}

function links(transport: Transport, files: Fields[]): Promise<Fields[]> {
  return transport.call('storage.batchGetDownloadUrl', { file_list: files }).then((answer) => answer.data.download_list)
}

function statusOf(item: Fields): number {
  return item.code === SUCCESS ? 0 : numberOf(String(item.code))
}

function textOf(item: Fields): string {
  return item.code === SUCCESS ? 'ok' : String(item.message || item.code)
}

function wrongList(fileList: any): any {
  if (!isArray(fileList)) return failure(BAD_TYPE, 'parameter.fileList should be an array')
  if (!fileList.length) return failure(BAD_PARAMETER, 'parameter.fileList should not be empty')
  if (fileList.length > MOST_FILES) return failure(BAD_PARAMETER, 'parameter.fileList has at most ' + MOST_FILES + ' items')
  const isNamed = (item: any) => typeof item === 'string' || (!!item && has(item, 'fileID'))
  return fileList.every(isNamed) ? null : failure(BAD_TYPE, 'parameter.fileList has an item without fileID')
}
