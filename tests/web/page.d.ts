/** What the page offers its script besides the browser's own objects. */

/** The part of plotly.js that the page uses; it is absent until the first figure is drawn. */
interface PlotlyLibrary {
  react(area: HTMLElement, traces: unknown[], layout: object, config: object): Promise<PlotlyArea>;
}

/** An element that plotly.js has drawn into. */
interface PlotlyArea extends HTMLElement {
  on(event: string, handler: (event: any) => void): void;
}

interface Window {
  Plotly?: PlotlyLibrary;
}
