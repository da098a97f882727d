/** The task of a running upload or download: what `wx.cloud` hands out, and what a host reports to. */

import { failure, GENERIC } from './errors'
import { Progress, Transfer } from './host'

type Listener = (value: any) => void

export interface TransferTask {
  abort(): void
  onProgressUpdate(listener: Listener): void
  offProgressUpdate(listener?: Listener): void
  onHeadersReceived(listener: Listener): void
  offHeadersReceived(listener?: Listener): void
}

class Listeners {
  private list: Listener[] = []
  add(listener: Listener): void {
    if (typeof listener === 'function') this.list.push(listener)
  }
  remove(listener?: Listener): void {
    this.list = listener ? this.list.filter((item) => item !== listener) : []
  }
  call(value: any): void {
    this.list.slice().forEach((listener) => listener(value))
  }
}

export class RunningTransfer implements Transfer {
  aborted = false
  readonly task: TransferTask
  private progress = new Listeners()
  private header = new Listeners()
  private stop: () => void = () => undefined
  private refuse: (reason: any) => void = () => undefined

  constructor(private kind: 'upload' | 'download') {
    this.task = {
      abort: () => this.abort(),
      onProgressUpdate: (listener) => this.progress.add(listener),
      offProgressUpdate: (listener) => this.progress.remove(listener),
      onHeadersReceived: (listener) => this.header.add(listener),
      offHeadersReceived: (listener) => this.header.remove(listener),
    }
  }

  /** `work`, unless the task is aborted before it ends. */
  during<T>(work: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.refuse = reject
      work.then(resolve, reject)
      if (this.aborted) this.abort()
    })
  }

  onAbort(stop: () => void): void {
    this.stop = stop
    if (this.aborted) stop()
  }

  report(progress: Progress): void {
    const [done, total] =
      this.kind === 'upload'
        ? ['totalBytesSent', 'totalBytesExpectedToSend']
        : ['totalBytesWritten', 'totalBytesExpectedToWrite']
    const shown: { [name: string]: number } = { progress: progress.progress }
    shown[done] = progress.done
    shown[total] = progress.total
    this.progress.call(shown)
  }

  headers(header: unknown): void {
    this.header.call({ header })
  }

  private abort(): void {
    this.aborted = true
    this.stop()
    this.refuse(failure(GENERIC, 'abort'))
  }
}
