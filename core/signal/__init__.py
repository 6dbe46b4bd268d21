"""What many rooms stand on: Fourier transforms, spectra, CTFs, backgrounds."""
