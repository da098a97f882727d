// Assertions that work in Node, in a browser and in a mini program alike.

const shown = (value) => (value instanceof Error ? String(value) : JSON.stringify(value))

function fail(words) { throw new Error(words) }

export function ok(value, words = 'expected something true') {
  if (!value) fail(`${words}, not ${shown(value)}`)
}

/** Equal by content; an object without a field equals one whose field is undefined. */
export function same(actual, expected, words = '') {
  if (canonical(actual) !== canonical(expected)) fail(`${words} expected ${shown(expected)}, not ${shown(actual)}`)
}

function canonical(value) {
  return JSON.stringify(value, (_key, item) => (item && typeof item === 'object' && !Array.isArray(item)
    ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
    : item)) ?? 'undefined'
}

export function match(text, pattern) {
  if (!pattern.test(String(text))) fail(`expected ${pattern}, not ${shown(text)}`)
}

/** The words of a failure: of what is thrown, or of the `code` or `error` that a call resolves to. */
export async function failure(work) {
  let answer
  try {
    answer = await work()
  } catch (error) {
    return [error.code, error.error, error.message, error.error_description].filter(Boolean).join(' ') || shown(error)
  }
  const error = answer && (answer.error || (answer.code && answer))
  return error ? [error.code, error.error, error.message].filter(Boolean).join(' ') : fail(`expected a failure, not ${shown(answer)}`)
}
