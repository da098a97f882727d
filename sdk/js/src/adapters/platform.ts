/** What the mini-program hosts have in common. */

import { Socket } from '../host'

/** A call in the host's callback style as a promise. */
export function promised<T = any>(call: (options: any) => any, options: any, task?: (task: any) => void): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    options.success = resolve
    options.fail = reject
    const started = call(options)
    if (task && started) task(started)
  })
}

/** A socket of the hosts that give every connection a task of its own. */
export function taskSocket(task: any): Socket {
  let ended = false
  const socket: Socket = {
    send: (text) => task.send({ data: text }),
    close: (code, reason) => task.close({ code, reason }),
    onOpen: () => undefined,
    onMessage: () => undefined,
    onClose: () => undefined,
  }
  const end = (reason: string) => {
    if (ended) return
    ended = true
    socket.onClose(reason)
  }
  task.onOpen(() => socket.onOpen())
  task.onMessage((event: any) => socket.onMessage(textOf(event)))
  task.onClose((event: any) => end(String((event && event.reason) || 'closed')))
  task.onError((event: any) => end(String((event && (event.errMsg || event.errorMessage)) || 'error')))
  return socket
}

/** The one socket of hosts without tasks. */
export function globalSocket(api: any, url: string): Socket {
  const off: (() => void)[] = []
  const on = (name: string, listener: (event: any) => void) => {
    api['on' + name](listener)
    off.push(() => api['off' + name] && api['off' + name](listener))
  }
  const socket: Socket = {
    send: (text) => api.sendSocketMessage({ data: text }),
    close: () => api.closeSocket({}),
    onOpen: () => undefined,
    onMessage: () => undefined,
    onClose: () => undefined,
  }
  const end = (reason: string) => {
    off.splice(0).forEach((remove) => remove())
    const tell = socket.onClose
    socket.onClose = () => undefined
    tell(reason)
  }
  on('SocketOpen', () => socket.onOpen())
  on('SocketMessage', (event) => socket.onMessage(textOf(event)))
  on('SocketClose', () => end('closed'))
  on('SocketError', (event) => end(String((event && event.errorMessage) || 'error')))
  api.connectSocket({ url })
  return socket
}

function textOf(event: any): string {
  const data = event && event.data
  return String(data && typeof data === 'object' && 'data' in data ? data.data : data)
}

const VIDEO = /\.(mp4|mov|m4v|3gp|avi|mkv|webm)$/i
const AUDIO = /\.(mp3|m4a|aac|wav|amr|ogg|flac)$/i

/** Alipay and DingTalk want to know the kind of an uploaded file; what is neither film nor sound counts as an image. */
export function fileTypeOf(name: string): string {
  return VIDEO.test(name) ? 'video' : AUDIO.test(name) ? 'audio' : 'image'
}
