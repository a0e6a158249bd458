import {
  elementScroll,
  observeElementOffset,
  observeElementRect,
  Virtualizer,
  type VirtualizerOptions,
} from "@tanstack/virtual-core";
import { useLayoutEffect, useReducer, useState } from "preact/hooks";

type Scroller = Virtualizer<HTMLDivElement, HTMLElement>;
type Foundation = "observeElementRect" | "observeElementOffset" | "scrollToFn" | "onChange";
type Options = Omit<VirtualizerOptions<HTMLDivElement, HTMLElement>, Foundation>;

/** Which rows of a long list are to be there, by where it is scrolled to; rows are measured as they come. */
export function useVirtualizer(options: Options): Scroller {
  const [, render] = useReducer((times: number) => times + 1, 0);
  const all = {
    observeElementRect,
    observeElementOffset,
    scrollToFn: elementScroll,
    onChange: () => render(undefined),
    ...options,
  };
  const [scroller] = useState(() => new Virtualizer(all));
  scroller.setOptions(all);
  useLayoutEffect(() => scroller._didMount(), []);
  useLayoutEffect(() => scroller._willUpdate());
  return scroller;
}
