/* global SwaggerUIBundle */
SwaggerUIBundle({
  url: "/openapi.json",
  domNode: document.getElementById("reference"),
  presets: [SwaggerUIBundle.presets.apis],
  // A token lives as long as the page and no longer: nothing is left in the browser.
  persistAuthorization: false,
  // Asks a foreign host otherwise.
  validatorUrl: null,
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  defaultModelsExpandDepth: 0,
});
