import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Parley, User } from "../../../../client/index.ts";

import { useObservable } from "./observable.ts";
import type { Toasts } from "./toasts.ts";

/** What all of the page stands on. */
export interface PageDeps {
  readonly parley: Parley;
  readonly toasts: Toasts;
}

export const PageContext = createContext<PageDeps | undefined>(undefined);
export const MeContext = createContext<User | undefined>(undefined);

export function useParley(): Parley {
  return useDeps().parley;
}

export function useToasts(): Toasts {
  return useDeps().toasts;
}

/** Who is signed in. Only for what is shown to them. */
export function useMe(): User {
  const me = useContext(MeContext);
  if (me === undefined) throw new Error("nobody is signed in here");
  return me;
}

/** A person, as soon as they are known. */
export function useUser(userId: string): User | undefined {
  const me = useContext(MeContext);
  const user = useObservable(useParley().user(userId));
  return user ?? (me?.userId === userId ? me : undefined);
}

function useDeps(): PageDeps {
  const deps = useContext(PageContext);
  if (deps === undefined) throw new Error("it is not within the page");
  return deps;
}
