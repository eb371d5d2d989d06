// Pasted credentials of several lines, such as a Google service account key.

const LINE_BREAKS = /[\r\n]/g

/**
 * Keeps the line breaks of what is pasted into a password field: browsers remove them from its value (HTML standard,
 * value sanitization), and a registry may compare the credentials octet by octet.
 * @param {HTMLInputElement} field
 * @returns {{ value: () => string, clear: () => void }} `value` gives what was pasted as long as the field shows it.
 */
export function keepLineBreaks(field) {
  let pasted = ''
  field.addEventListener('paste', (event) => {
    const text = event.clipboardData?.getData('text') ?? ''
    const replacesAll = field.selectionStart === 0 && field.selectionEnd === field.value.length
    pasted = ''
    if (!replacesAll || text.replace(LINE_BREAKS, '') === text) return
    // By itself a browser removes the line breaks, or inserts spaces for them.
    event.preventDefault()
    pasted = text
    field.value = text.replace(LINE_BREAKS, '')
  })
  return {
    value: () => (pasted.replace(LINE_BREAKS, '') === field.value ? pasted : field.value),
    clear: () => {
      pasted = ''
      field.value = ''
    },
  }
}
