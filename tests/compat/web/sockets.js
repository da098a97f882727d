// Remembers the sockets that a page opens, so that a test can lose them.
window.sockets = []
window.WebSocket = class extends WebSocket {
  constructor(...parameters) {
    super(...parameters)
    window.sockets.push(this)
  }
}
