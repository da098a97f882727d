'use strict'
// Documents on the way to yunbox and back: what JSON has no words for is Extended JSON.

const isPlain = value => value !== null && typeof value === 'object' && !Array.isArray(value)

function toWire (value) {
  if (value instanceof Date) return { $date: value.getTime() }
  if (Array.isArray(value)) return value.map(toWire)
  return isPlain(value) ? mapped(value, toWire) : value
}

function fromWire (value) {
  if (Array.isArray(value)) return value.map(fromWire)
  if (!isPlain(value)) return value
  const [name, ...others] = Object.keys(value)
  if (others.length === 0) {
    if (name === '$date') return new Date(value.$date)
    if (name === '$oid') return value.$oid
    if (name === '$esc') return mapped(value.$esc, fromWire)
  }
  return mapped(value, fromWire)
}

function mapped (object, convert) {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, convert(value)]))
}

module.exports = { toWire, fromWire }
