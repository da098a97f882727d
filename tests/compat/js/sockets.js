'use strict'
// The open sockets of the `ws` package, whoever opened them.

const WebSocket = require('ws')

const open = new Set()
const { setSocket } = WebSocket.prototype

WebSocket.prototype.setSocket = function remembered(...parameters) {
  open.add(this)
  this.on('close', () => open.delete(this))
  return setSocket.apply(this, parameters)
}

/** Cut every open socket, as a network does; the number cut. */
function loseSockets() {
  const count = open.size
  for (const socket of open) socket.terminate()
  return count
}

module.exports = { loseSockets }
