// Types that JSDoc cannot express. Not part of the served page.

/** What an element can contain. Null, undefined and false are left out. */
export type Child = Node | string | null | undefined | false | readonly Child[]
