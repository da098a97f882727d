/** Signing in without being asked: on the first call, once for all calls that wait for it, and again when it has ended. */

import { SignIn } from './config'
import { Fields } from './objects'
import { Transport } from './transport'

interface Kept {
  refresh: string
  access: string
  /** The device's name, for anonymous users. */
  device?: string
}

export class Session {
  private transport: Transport
  private pending: Promise<string> | null = null
  private kept: Kept | null = null
  private loaded = false

  constructor(transport: Transport) {
    this.transport = transport
  }

  /** An access token, `''` for guests. */
  token(): Promise<string> {
    if (this.way().guest) return Promise.resolve('')
    this.load()
    if (this.kept && this.kept.access) return Promise.resolve(this.kept.access)
    return this.once(() => this.start())
  }

  /** A new access token in place of one that the server no longer takes. */
  renew(old: string): Promise<string> {
    if (this.kept && this.kept.access && this.kept.access !== old) return Promise.resolve(this.kept.access)
    return this.once(() => {
      if (this.kept) this.kept.access = ''
      return this.start()
    })
  }

  private once(work: () => Promise<string>): Promise<string> {
    if (this.pending) return this.pending
    const ended = () => {
      this.pending = null
    }
    const pending = work()
    this.pending = pending
    pending.then(ended, ended)
    return pending
  }

  private start(): Promise<string> {
    const refresh = this.kept && this.kept.refresh
    if (!refresh) return this.signIn()
    return this.exchange(refresh).then(undefined, (reason) => {
      if (!reason || !/REFRESH_TOKEN|CHECK_LOGIN|AUTH_LOGIN|INVALID_ACCESS/.test(String(reason.code))) throw reason
      return this.signIn()
    })
  }

  private exchange(refresh: string): Promise<string> {
    const params = { refresh_token: refresh }
    return this.transport.send('auth.fetchAccessTokenWithRefreshToken', params, '').then((answer) => {
      const device = this.kept ? this.kept.device : undefined
      this.keep({ refresh: answer.refresh_token || refresh, access: String(answer.access_token), device })
      return String(answer.access_token)
    })
  }

  private signIn(): Promise<string> {
    const elsewhere = this.way().session
    if (elsewhere) return elsewhere().then((refresh) => this.exchange(refresh))
    const device = (this.kept && this.kept.device) || ''
    return this.credentials(device).then((request) =>
      this.transport.send(request.action, request.params, '').then((answer) => {
        this.keep({ refresh: String(answer.refresh_token), access: '', device: answer.uuid || device || undefined })
        return this.exchange(String(answer.refresh_token))
      }),
    )
  }

  private credentials(device: string): Promise<{ action: string; params: Fields }> {
    const way = this.way()
    if (way.ticket) {
      const ticket = typeof way.ticket === 'function' ? way.ticket() : Promise.resolve(way.ticket)
      return ticket.then((text) => ({ action: 'auth.signInWithTicket', params: { ticket: text } }))
    }
    if (way.username) {
      const params = { loginType: 'USERNAME', username: way.username, password: way.password || '' }
      return Promise.resolve({ action: 'auth.signIn', params })
    }
    if (way.developer) return Promise.resolve(platformSignIn('WECHAT-MINIAPP', this.appId(''), way.developer))
    const login = this.transport.host.login
    if (way.anonymous || !login) {
      return Promise.resolve({ action: 'auth.signInAnonymously', params: { anonymous_uuid: device, refresh_token: '' } })
    }
    return login().then((found) => platformSignIn(found.loginType, this.appId(found.appId), found.code))
  }

  private way(): SignIn {
    return this.transport.settings.signIn || {}
  }

  private appId(found: string): string {
    return this.transport.settings.appId || found
  }

  // Between two starts of the application

  private key(): string {
    const way = this.way()
    const who = way.developer || way.username || (way.ticket ? 'ticket' : way.anonymous ? 'anonymous' : '')
    return 'yunbox_session ' + this.transport.endpoint + ' ' + this.transport.env + ' ' + who
  }

  private load(): void {
    if (this.loaded || this.way().session) return
    this.loaded = true
    try {
      const text = this.transport.host.storage.get(this.key())
      const kept = text ? JSON.parse(text) : null
      if (kept && typeof kept.refresh === 'string') this.kept = kept
    } catch (_) {
      this.kept = null
    }
  }

  private keep(kept: Kept): void {
    this.kept = kept
    if (this.way().session) return
    try {
      this.transport.host.storage.set(this.key(), JSON.stringify(kept))
    } catch (_) {
      // A full or forbidden store only means signing in again next time.
    }
  }
}

function platformSignIn(loginType: string, appId: string, code: string): { action: string; params: Fields } {
  return { action: 'auth.signIn', params: { loginType, appid: appId, code, refresh_token: '' } }
}
