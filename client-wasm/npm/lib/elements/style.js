// The style sheet of the elements. Its rules have no specificity, so that every rule of the page takes precedence.

const OWN = ':where(dockpass-login, dockpass-status)'
/** @param {string} name */
const part = (name) => `${OWN} :where([part~="${name}"])`

export const STYLE = `
${OWN} { display: block; font: var(--dockpass-font, inherit); color: var(--dockpass-text, inherit); }
:where(dockpass-status) { display: inline-block; }
${part('form')} { display: grid; gap: var(--dockpass-gap, 0.75rem); max-width: var(--dockpass-width, 22rem); margin: 0; }
${part('field')} { display: grid; gap: 0.25rem; }
${part('label')} { font-weight: 600; }
${part('input')} {
  box-sizing: border-box; width: 100%; min-height: 2.25rem; padding: 0.25rem 0.6rem; font: inherit;
  color: FieldText; background: Field;
  border: 1px solid var(--dockpass-border, GrayText); border-radius: var(--dockpass-radius, 4px);
}
${part('input')}:where([aria-invalid="true"]) { border-color: var(--dockpass-danger, #b3261e); }
${part('actions')} { display: flex; flex-wrap: wrap; gap: 0.5rem; }
${part('button')} {
  min-height: 2.25rem; padding: 0.25rem 0.9rem; font: inherit; cursor: pointer;
  color: inherit; background: transparent;
  border: 1px solid var(--dockpass-border, GrayText); border-radius: var(--dockpass-radius, 4px);
}
${part('primary')} {
  font-weight: 600; color: var(--dockpass-on-accent, #fff); background: var(--dockpass-accent, #0a6a63);
  border-color: var(--dockpass-accent, #0a6a63);
}
${part('primary')}:where([aria-disabled="true"]) { cursor: progress; opacity: 0.7; }
${part('error')}:where(:not(:empty)) {
  display: grid; gap: 0.25rem; justify-items: start; max-width: var(--dockpass-width, 22rem);
  padding: 0.5rem 0.75rem; border-inline-start: 3px solid var(--dockpass-danger, #b3261e);
}
${part('error-text')} { margin: 0; }
${part('notice')} { margin: 0; }
${part('progress')} { display: flex; align-items: center; gap: 0.5rem; min-height: 2.25rem; }
${part('progress')}:where(:empty) { display: none; }
${part('status')} { display: flex; flex-wrap: wrap; align-items: center; gap: 0.5rem; }
`
