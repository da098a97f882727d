'use strict'
// The time that a function sees in a test's cloud, whose clock may be ahead of the machine's.

const Machine = Date
let ahead = 0

const now = () => Machine.now() + ahead

function moveClock (milliseconds) {
  ahead = milliseconds
  if (globalThis.Date !== Machine) return
  globalThis.Date = new Proxy(Machine, {
    construct: (target, values, made) => Reflect.construct(target, values.length ? values : [now()], made),
    apply: () => new Machine(now()).toString(),
    get: (target, key) => key === 'now' ? now : Reflect.get(target, key)
  })
}

module.exports = { moveClock }
