// Contrast of every visible text with what lies behind it, as WCAG 2.2 defines it: [ratio, needed, text].
() => {
  const channel = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const parse = (text) => {
    const srgb = text.startsWith("color(srgb");
    const numbers = text.match(/[\d.]+/g).map(Number);
    const [red, green, blue, alpha = 1] = srgb ? [numbers[0] * 255, numbers[1] * 255, numbers[2] * 255, numbers[3]] : numbers;
    return [red, green, blue, alpha === undefined ? 1 : alpha];
  };
  const over = (top, under) => top.slice(0, 3).map((value, place) => value * top[3] + under[place] * (1 - top[3]));
  const light = (color) => {
    const [red, green, blue] = color.map((value) => channel(value / 255));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const behind = (element) => {
    const layers = [];
    for (let one = element; one; one = one.parentElement) layers.push(parse(getComputedStyle(one).backgroundColor));
    return layers.reverse().reduce((under, layer) => over(layer, under), [255, 255, 255]);
  };
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    const isField = element.matches("input:not([type=hidden]):not([type=range]):not([type=checkbox]), select, textarea");
    if ((!own && !isField) || !element.checkVisibility() || element.closest(".unseen, .skip")) continue;
    const style = getComputedStyle(element);
    const ground = behind(element);
    const ink = over(parse(element.closest("svg") ? style.fill : style.color), ground);
    const [low, high] = [light(ink), light(ground)].sort((a, b) => a - b);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    found.push([(high + 0.05) / (low + 0.05), isLarge ? 3 : 4.5, (element.textContent || element.id).trim().slice(0, 40)]);
  }
  return found;
}
