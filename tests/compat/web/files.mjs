// Files and functions.

import { failure, match, ok, same } from './expect.mjs'

const TEXT = 'hello, 世界'

export function files(steps, client, state) {
  const { app, place } = client
  const cloudPath = '目录/a b 中文.txt'

  steps.add('upload with a Chinese name', async () => {
    const events = []
    const { fileID } = await app.uploadFile({ cloudPath, filePath: place.file(TEXT), onUploadProgress: (event) => events.push(event) })
    match(fileID, /^cloud:\/\/.+\/目录\/a b 中文\.txt$/)
    state.file = fileID
    if (place.kind === 'browser' && client.generation >= 1) ok(events.length > 0, 'progress')
  })

  steps.add('addresses of files', async () => {
    const { fileList } = await app.getTempFileURL({ fileList: [state.file, { fileID: state.file, maxAge: 60 }, `${state.file}.nope`] })
    same(fileList.map((item) => item.code), ['SUCCESS', 'SUCCESS', 'STORAGE_FILE_NONEXIST'])
    state.url = fileList[0].tempFileURL || fileList[0].download_url
    same(await (await fetch(state.url)).text(), TEXT)
  })

  steps.add('download', async () => {
    const { tempFilePath, fileContent } = await app.downloadFile({ fileID: state.file })
    ok(tempFilePath || fileContent)
    if (fileContent) same(typeof fileContent === 'string' ? fileContent : new TextDecoder().decode(fileContent), TEXT)
  })

  steps.add('what a file is', async () => {
    const { fileList: [info] } = await app.getFileInfo({ fileList: [state.file] })
    same([info.size, info.mime?.split(';')[0] ?? 'text/plain'], [new TextEncoder().encode(TEXT).length, 'text/plain'])
  }, client.generation >= 2)

  steps.add('copy', async () => {
    const { fileList: [copied] } = await app.copyFile({ fileList: [{ srcPath: cloudPath, dstPath: 'copy.txt' }] })
    same(copied.code ?? 'SUCCESS', 'SUCCESS')
    const { fileList: [found] } = await app.getTempFileURL({ fileList: [state.file.replace(cloudPath, 'copy.txt')] })
    same(await (await fetch(found.tempFileURL)).text(), TEXT)
  }, client.generation >= 2)

  steps.add('a path that leads out is refused', async () => {
    match(await failure(() => app.uploadFile({ cloudPath: '../up.txt', filePath: place.file(TEXT) })), /INVALID|STORAGE|path/i)
  })

  steps.add('delete', async () => {
    const { fileList } = await app.deleteFile({ fileList: [state.file, `${state.file}.nope`] })
    same(fileList.map((item) => item.code), ['SUCCESS', 'STORAGE_FILE_NONEXIST'])
    same((await fetch(state.url, { cache: 'no-store' })).status, 404)
  })
}

export function functions(steps, client) {
  const { app } = client
  const result = (answer) => (typeof answer.result === 'string' ? JSON.parse(answer.result) : answer.result)

  steps.add('call a function', async () => {
    const answer = await app.callFunction({ name: 'echo', data: { a: 1, b: 2, s: '中文' } })
    same(result(answer), { sum: 3, echoed: { a: 1, b: 2, s: '中文' } })
  })

  steps.add('call a function and parse', async () => {
    same((await app.callFunction({ name: 'echo', data: { a: 2, b: 2 }, parse: true })).result.sum, 4)
  })

  steps.add('a failing function says why', async () => {
    match(await failure(() => app.callFunction({ name: 'echo', data: { fail: 'on purpose' } })), /on purpose/)
  })

  steps.add('a missing function is named', async () => {
    match(await failure(() => app.callFunction({ name: 'nope' })), /FUNCTION_NOT_FOUND/)
  })
}
