// Starts the viewer, as dark or light as the system is.
const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();

// What a session changes must name its secret; a token that one has entered speaks for itself.
async function nameSecret(request) {
  const isHarmless = ["GET", "HEAD"].includes((request.method || "GET").toUpperCase());
  if (!isHarmless && !request.headers.Authorization) {
    const session = await fetch("/api/v1/session");
    request.headers["X-CSRF-Token"] = (await session.json()).csrf_token || "";
  }
  return request;
}

SwaggerUIBundle({
  url: "/api/v1/openapi.json",
  dom_id: "#viewer",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  showExtensions: true,
  tryItOutEnabled: true,
  validatorUrl: null,
  requestInterceptor: nameSecret,
});
