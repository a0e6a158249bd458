import { useLayoutEffect, useReducer } from "preact/hooks";
import type { Observable } from "../../../../client/index.ts";

/** The value of one of the client's observables; the component renders again when it changes. */
export function useObservable<T>(observable: Observable<T>): T {
  const [, render] = useReducer((times: number) => times + 1, 0);
  const value = observable.get();
  useLayoutEffect(() => {
    // It may have changed between rendering and now.
    if (observable.get() !== value) render(undefined);
    return observable.subscribe(() => render(undefined));
  }, [observable]);
  return value;
}
