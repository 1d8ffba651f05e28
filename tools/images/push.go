package main

import (
	"context"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// bomType is the media type of a bill of materials.
const bomType types.MediaType = "application/vnd.cyclonedx+json"

// pushAll puts the images of one program under one name, whichever the
// architecture, and tells each one's bill of materials to those who ask the
// registry what refers to it. Credentials are those of docker login.
func pushAll(ctx context.Context, ref name.Tag, images []image, s source) (v1.Hash, error) {
	options := []remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain)}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, i := range images {
		c, err := i.ConfigFile()
		if err != nil {
			return v1.Hash{}, err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: i.Image, Descriptor: v1.Descriptor{Platform: c.Platform()}})
	}
	index = mutate.Annotations(index, annotations(s)).(v1.ImageIndex)
	if err := remote.WriteIndex(ref, index, options...); err != nil {
		return v1.Hash{}, err
	}
	for _, i := range images {
		referrer, err := referrerOf(i)
		if err != nil {
			return v1.Hash{}, err
		}
		digest, err := referrer.Digest()
		if err != nil {
			return v1.Hash{}, err
		}
		if err := remote.Write(ref.Context().Digest(digest.String()), referrer, options...); err != nil {
			return v1.Hash{}, err
		}
	}
	return index.Digest()
}

// referrerOf is the artifact that carries an image's bill of materials.
func referrerOf(i image) (v1.Image, error) {
	subject, err := partial.Descriptor(i.Image)
	if err != nil {
		return nil, err
	}
	artifact := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), bomType)
	if artifact, err = mutate.AppendLayers(artifact, static.NewLayer(i.bom, bomType)); err != nil {
		return nil, err
	}
	return mutate.Subject(artifact, *subject).(v1.Image), nil
}
