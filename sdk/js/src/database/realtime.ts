/** The socket of all watches of a client: opened with the first of them, taken up again when it breaks, closed with the last. */

import { cloudError, failure, WATCH_INIT, WATCH_REBUILD, WATCH_RECONNECT, WATCH_SERVER } from '../errors'
import { Socket } from '../host'
import { Fields } from '../objects'
import { Transport } from '../transport'
import { Watch } from './watch'

const LOGIN_MS = 5000
const ANSWER_MS = 10000
const QUIET_MS = 10000
const PONG_MS = 5000
const MOST_MISSES = 2
const PAUSES_MS = [50, 500, 1000, 2000, 5000, 10000, 10000]
const SIGN_IN_AGAIN = /^(CHECK_LOGIN_FAILED|SIGN_EXPIRED_ERROR|SIGN_INVALID_ERROR|SIGN_PARAM_INVALID)$/
const GONE = 'QUERYID_INVALID_ERROR'

interface Pending {
  resolve(message: any): void
  reject(reason: any): void
  timer: any
}

export class Watching {
  private watches: { [id: string]: Watch } = {}
  private pending: { [requestId: string]: Pending } = {}
  private socket: Socket | null = null
  private opening: Promise<void> | null = null
  private requests = 0
  private misses = 0
  private timer: any = null

  constructor(private transport: Transport) {}

  add(watch: Watch): void {
    this.watches[watch.id] = watch
    this.begin(watch, true)
  }

  remove(watch: Watch): void {
    if (!this.watches[watch.id]) return
    delete this.watches[watch.id]
    if (this.socket && watch.queryID) this.write({ watchId: watch.id, msgType: 'CLOSE_WATCH', msgData: null })
    this.closeWhenIdle()
  }

  // Watches

  private begin(watch: Watch, again: boolean): void {
    this.open()
      .then(() => this.request(watch.id, 'INIT_WATCH', watch.query, ANSWER_MS))
      .then(
        (answer) => {
          if (this.watches[watch.id] === watch) watch.start(answer.msgData)
          else this.write({ watchId: watch.id, msgType: 'CLOSE_WATCH', msgData: null })
        },
        (reason) => {
          if (again && SIGN_IN_AGAIN.test(String(reason && reason.code))) this.signInAgain(() => this.begin(watch, false))
          else this.give(watch, reason, WATCH_INIT)
        },
      )
  }

  private rebuild(watch: Watch): void {
    if (!watch.queryID) return this.begin(watch, true)
    const { collName } = watch.query
    const data = { collName, queryID: watch.queryID, eventID: watch.current }
    this.request(watch.id, 'REBUILD_WATCH', data, ANSWER_MS).then(
      (answer) => {
        watch.next(answer.msgData)
      },
      (reason) => {
        if (!this.socket) return
        if (reason && reason.code === GONE) this.begin(watch, true)
        else this.give(watch, reason, WATCH_REBUILD)
      },
    )
  }

  private signInAgain(work: () => void): void {
    this.drop('signing in again')
    work()
    this.comeBack(0)
  }

  private give(watch: Watch, reason: any, number: number): void {
    if (this.watches[watch.id] !== watch) return
    delete this.watches[watch.id]
    const code = reason && reason.code ? '[' + reason.code + '] ' : ''
    const text = code + ((reason && reason.text) || (reason && (reason.errMsg || reason.message)) || String(reason))
    watch.fail(cloudError(failure(number, text, reason && reason.code), 'collection.watch'))
    this.closeWhenIdle()
  }

  private all(): Watch[] {
    return Object.keys(this.watches).map((id) => this.watches[id])
  }

  // The socket

  private open(): Promise<void> {
    if (this.opening) return this.opening
    const opening = this.transport
      .call('auth.wsWebSign', { runtime: this.transport.host.runtime })
      .then((answer) => this.connect(answer.data))
    this.opening = opening
    opening.then(undefined, () => {
      if (this.opening === opening) this.opening = null
    })
    return opening
  }

  private connect(signed: any): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const socket = this.transport.host.connect(signed.wsUrl)
      this.socket = socket
      socket.onMessage = (text) => this.receive(text)
      socket.onClose = (reason) => {
        reject(failure(WATCH_INIT, 'the socket was closed: ' + reason))
        if (this.socket === socket) this.broken()
      }
      socket.onOpen = () => this.logIn(signed).then(resolve, reject)
    })
  }

  private logIn(signed: any): Promise<void> {
    const { signStr, secretVersion } = signed
    const runtime = this.transport.host.runtime
    const data = { accessToken: '', referrer: 'web', sdkVersion: '', dataVersion: '' }
    const extra = { runtime, signStr, secretVersion }
    return this.request('', 'LOGIN', data, LOGIN_MS, extra).then((answer) => {
      const told = answer.msgData || {}
      if (told.code) throw failure(WATCH_INIT, String(told.message || told.code), told.code)
      this.listen()
    })
  }

  /** The socket has gone without being told to: come back and take up the watches where they stopped. */
  private broken(): void {
    this.drop('broken')
    if (this.all().some((watch) => !!watch.queryID)) this.comeBack(0)
  }

  private comeBack(attempt: number): void {
    setTimeout(() => {
      if (!this.all().length) return
      this.open().then(
        () => this.all().forEach((watch) => watch.queryID && this.rebuild(watch)),
        (reason) => {
          if (attempt + 1 < PAUSES_MS.length) this.comeBack(attempt + 1)
          else this.all().forEach((watch) => this.give(watch, reason, WATCH_RECONNECT))
        },
      )
    }, PAUSES_MS[attempt])
  }

  private drop(reason: string): void {
    const socket = this.socket
    this.socket = null
    this.opening = null
    clearTimeout(this.timer)
    if (socket) socket.close(3000, reason)
    const pending = this.pending
    this.pending = {}
    Object.keys(pending).forEach((id) => {
      clearTimeout(pending[id].timer)
      pending[id].reject(failure(WATCH_SERVER, 'the socket was closed'))
    })
  }

  private closeWhenIdle(): void {
    if (this.all().length) return
    setTimeout(() => {
      if (!this.all().length) this.drop('No Realtime Listeners')
    }, 0)
  }

  private listen(): void {
    clearTimeout(this.timer)
    this.misses = 0
    this.timer = setTimeout(() => this.ping(), QUIET_MS)
  }

  private ping(): void {
    if (!this.socket) return
    this.request('', 'PING', null, PONG_MS).then(undefined, () => {
      this.misses += 1
      if (!this.socket) return
      if (this.misses >= MOST_MISSES) this.broken()
      else this.ping()
    })
  }

  // Messages

  private request(watchId: string, msgType: string, msgData: any, wait: number, exMsgData?: Fields): Promise<any> {
    return new Promise<any>((resolve, reject) => {
      this.requests += 1
      const requestId = String(Date.now()) + '_' + this.requests
      const timer = setTimeout(() => {
        delete this.pending[requestId]
        reject(failure(WATCH_SERVER, 'no answer to ' + msgType))
      }, wait)
      this.pending[requestId] = { resolve, reject, timer }
      const data = msgData && { ...msgData, envId: this.transport.env }
      this.write({ watchId: watchId || undefined, requestId, msgType, msgData: data, exMsgData })
    })
  }

  private write(message: Fields): void {
    if (this.socket) this.socket.send(JSON.stringify(message))
  }

  private receive(text: string): void {
    const message = JSON.parse(text)
    this.listen()
    const pending = this.pending[message.requestId]
    if (pending) {
      delete this.pending[message.requestId]
      clearTimeout(pending.timer)
      const data = message.msgData || {}
      if (message.msgType === 'ERROR') pending.reject(failure(WATCH_SERVER, String(data.message || data.code), data.code))
      else pending.resolve(message)
      return
    }
    const watch = this.watches[message.watchId]
    if (watch) this.push(watch, message)
  }

  private push(watch: Watch, message: any): void {
    const data = message.msgData || {}
    if (message.msgType === 'ERROR') this.give(watch, failure(WATCH_SERVER, String(data.message), data.code), WATCH_SERVER)
    else if (message.msgType === 'NEXT_EVENT' && !watch.next(data)) this.rebuild(watch)
  }
}

declare function setTimeout(callback: () => void, delay: number): any
declare function clearTimeout(timer: any): void
