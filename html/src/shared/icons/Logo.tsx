/** The product's sign: a slice and its stack. */
export function Logo({ size = 28, title }: { size?: number; title?: string }) {
  return (
    <svg className="wv-icon" width={size} height={size} viewBox="0 0 28 28" role={title ? 'img' : undefined} aria-label={title} aria-hidden={title ? undefined : true}>
      <rect width="28" height="28" rx="7" fill="#0B7285" />
      <g fill="none" stroke="#fff" strokeWidth="2.1" strokeLinecap="round">
        <path d="M15 5.6a8.4 8.4 0 1 0 0 16.8" />
        <path d="M15 9.8a4.2 4.2 0 1 0 0 8.4" />
        <path d="M18.6 6.4v15.2" />
        <path d="M22.4 8.4v11.2" />
      </g>
    </svg>
  );
}
